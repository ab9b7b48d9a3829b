#!/usr/bin/env bash
# Runs the README's commands for the commit HEAD in a fresh root of another Debian, and adds a line
# about it to docs/portability.md. Needs root (chroot), debootstrap and a Debian mirror.
# usage: tools/portability.sh [bookworm|trixie] [--tests] [--quickstart] [--root DIR] [--mirror URL]
#        --tests, --quickstart  what to run; default: both
#        --root DIR             where base roots and packages are kept for the next run;
#                               default: ~/.cache/frostline/roots
#        --mirror URL           default: where this machine's own apt gets Debian from
set -euo pipefail
. "$(dirname "$0")/scripts/help.sh"
cd "$(dirname "$0")/.."

fail() { # MESSAGE: nothing was run
  echo "error: $1" >&2
  exit 2
}

suite=bookworm parts=() cache=${XDG_CACHE_HOME:-$HOME/.cache}/frostline/roots mirror=
while [ $# -gt 0 ]; do
  case $1 in
    bookworm | trixie) suite=$1 ;;
    --tests) parts+=(test) ;;
    --quickstart) parts+=(quickstart) ;;
    --root) cache=${2:?--root needs a folder} && shift ;;
    --mirror) mirror=${2:?--mirror needs a URL} && shift ;;
    *) sed -n 's/^# usage: /usage: /p' "$0" >&2 && exit 2 ;;
  esac
  shift
done
[ ${#parts[@]} -gt 0 ] || parts=(test quickstart)
[ "$(id -u)" -eq 0 ] || fail "a root of another Debian needs chroot and mounts: run as root"
command -v debootstrap >/dev/null || fail "run: apt-get install debootstrap debian-archive-keyring"
if [ -z "$mirror" ]; then
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(LABEL) $(SITE)' | awk '$1 == "Debian" { print $2; exit }')
  [ -n "$mirror" ] || fail "apt of this machine knows no Debian mirror: name one with --mirror URL"
fi

# The network as this machine reaches it: name servers, own certificates, proxies of apt.
share_network() { # ROOT
  cp -L /etc/resolv.conf "$1/etc/resolv.conf"
  apt-config dump --format '%f "%v";%n' Acquire | grep -v '::IndexTargets' \
    >"$1/etc/apt/apt.conf.d/90network"
  if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    cp /usr/local/share/ca-certificates/*.crt "$1/usr/local/share/ca-certificates/"
    chroot "$1" update-ca-certificates >/dev/null 2>&1
  fi
}

# The smallest system with apt, made once; what the project needs it has to install by itself.
base=$cache/$suite debs=$cache/$suite.debs log=$cache/$suite.log
make_base() {
  echo "making $base from $mirror"
  rm -rf --one-file-system "$base.partial"
  mkdir -p "$cache"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$base.partial" "$mirror" \
    >"$cache/$suite.debootstrap.log" || fail "debootstrap failed, see $cache/$suite.debootstrap.log"
  mv "$base.partial" "$base"
}
[ -d "$base" ] || make_base

work=$(mktemp -d "$cache/$suite.XXXXXX")
# Mounts live in a namespace of their own (below), so at this point none is left under the folder.
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root
cp -a "$base" "$root"
share_network "$root"
mkdir -p "$root/data" "$debs"
git clone --quiet --no-hardlinks . "$root/frostline"
data=${FROST_DATA:-}
[ -z "$data" ] || [ -d "$data" ] || fail "FROST_DATA is no folder: $data"

# in_root COMMAND...: in the copy, with nothing of this machine's environment but the proxies.
in_root() {
  # shellcheck disable=SC2016
  unshare --mount --propagation private bash -c '
    set -e
    root=$1 debs=$2 data=$3
    shift 3
    for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
    mount --bind "$debs" "$root/var/cache/apt/archives"
    if [ -n "$data" ]; then mount --bind "$data" "$root/data"; mount -o remount,bind,ro "$root/data"; fi
    exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
      ${data:+FROST_DATA=/data} ${http_proxy:+http_proxy=$http_proxy} \
      ${https_proxy:+https_proxy=$https_proxy} "$@"' _ "$root" "$debs" "$data" "$@"
}

# One line of the outcome of PART, from the log of this run.
summary() {
  case $1 in
    test) grep -oE '[0-9]+% tests passed.*' "$log" | tail -n 1 ;;
    quickstart) sed -n '/== evaluation/,$p' "$log" | grep -m 1 success | tr -s ' |' '  ' ;;
  esac
}

status=0
distribution="Debian $(cat "$root/etc/debian_version") ($suite)"
level=$(/lib64/ld-linux-x86-64.so.2 --help | awk '/x86-64-v[0-9].*supported/ { print $1; exit }')
commit=$(git rev-parse --short=12 HEAD)
: >"$log"
for part in "${parts[@]}"; do
  echo "$distribution, commit $commit: tools/$part.sh (log: $log)"
  begin=$SECONDS
  if in_root "/frostline/tools/$part.sh" >>"$log" 2>&1; then
    result=passed
  else
    result=FAILED status=1
    tail -n 30 "$log" >&2
  fi
  seconds=$((SECONDS - begin))
  detail=$(summary "$part") || true
  compiler=$(in_root g++ -dumpfullversion || echo none)
  line="| $(date +%F) | $distribution | g++ $compiler | ${level:-x86-64} | $commit"
  line+=" | tools/$part.sh | $result${detail:+: $detail} | $((seconds / 60)) min $((seconds % 60)) s |"
  echo "$line" | tee -a docs/portability.md
done
exit "$status"
