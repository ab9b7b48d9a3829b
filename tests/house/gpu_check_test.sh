#!/usr/bin/env bash
# The GPU check end to end, on a machine without a GPU: packs the small form and runs it in a root that
# holds libc, bash, coreutils, tar, xz and the archive alone, on the double of a GPU where it is built,
# then on modules that must be refused.
# usage: tests/house/gpu_check_test.sh BUILD_FOLDER
# Exit 0: passed; 77: skipped, as this user may not make such a root.
set -euo pipefail
build=$(cd "${1:?usage: tests/house/gpu_check_test.sh BUILD_FOLDER}" && pwd)
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root

fail() { # MESSAGE
  echo "FAILED: $1" >&2
  [ ! -s "$work/said" ] || sed 's/^/  /' "$work/said" >&2
  exit 1
}

# Mounts vanish with the namespace that holds them.
apart=(unshare --mount)
[ "$(id -u)" -eq 0 ] || apart+=(--map-root-user)
"${apart[@]}" true 2>/dev/null || { echo "skipped: no mount namespace for this user" && exit 77; }
mkdir -p "$root"/{bin,dev,out,proc,tmp}
inside() { # COMMAND...
  # shellcheck disable=SC2016
  "${apart[@]}" bash -c '
    mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" || exit 77
    exec chroot "$0" /bin/env -i PATH=/bin HOME=/tmp "$@"' "$root" "$@"
}
# put FILE...: programs or libraries with all libraries they need.
put() {
  local file library
  for file in "$@"; do
    ldd "$file" | grep -o '/[^ ]*' | while read -r library; do
      [ -e "$root$library" ] || install -D -m 755 "$library" "$root$library"
    done
  done
}
tools="bash tar xz basename cat chmod chroot cp env ls mkdir mktemp nproc realpath rm tail timeout uname"
for tool in $tools; do
  path=$(command -v "$tool")
  install -m 755 "$path" "$root/bin/"
  put "$path"
done
inside bash -c : 2>/dev/null || { echo "skipped: no chroot for this user" && exit 77; }

"$source/tools/gpu_pack.sh" --small --build "$build" "$root/pack.tar.xz"
cp "$source/tools/gpu_check.sh" "$root/"
# libstdc++ is on every machine with a compiler or a PyTorch; the rest comes with the archive.
ldd "$build/tests/frost_tests" | grep -oE '/[^ ]*/lib(stdc[+][+]|gcc_s|m|c)[.]so[^ ]*' | while read -r library; do
  install -D -m 755 "$library" "$root$library"
done

# check STATUS SECONDS ARGUMENT...: the check inside the root, what it says in $work/said.
check() {
  local want=$1 limit=$2 status=0 begin=$SECONDS
  inside bash /gpu_check.sh "${@:3}" >"$work/said" 2>&1 || status=$?
  [ "$status" -eq "$want" ] || fail "gpu_check.sh ${*:3}: exit $status, expected $want"
  [ $((SECONDS - begin)) -le "$limit" ] || fail "gpu_check.sh ${*:3} took $((SECONDS - begin)) s"
}
says() { grep -qE -- "$1" "$work/said" || fail "no line says '$1'"; }

check 2 20 /nothing.tar.xz
says "no archive /nothing.tar.xz"
check 2 20 /pack.tar.xz /out
says "no GPU answers here"
echo "no module" >"$root/text.so"
check 1 20 --rehearse /text.so /pack.tar.xz /out
says "^first_light +FAILED .*'cuda' cannot be used"
says "^stopped: "
[ -s "$root/out/results.tar.xz" ] || fail "a refused module leaves no results"

double=$build/gpu_double/libfrost_cuda.so
if [ -f "$double" ]; then
  put "$double"
  cp "$double" "$root/double.so"
  # Another version: the digest of its headers differs.
  version=$(grep -o -m 1 'FROST_INTERFACE_DIGEST=[\\"]*[0-9a-f]*' "$build/build.ninja" | grep -o '[0-9a-f]*$') ||
    fail "no FROST_INTERFACE_DIGEST in $build/build.ninja"
  LC_ALL=C sed "s/$version/${version//[0-9]/0}/" "$double" >"$root/other.so"
  check 1 20 --rehearse /other.so /pack.tar.xz /out
  says "^first_light +FAILED .*belongs to another version"

  # The root lacks what the last parts need; all others must have passed.
  check 0 560 --rehearse /double.so /pack.tar.xz /out
  sed '1,/^commit /d' "$work/said" >"$work/table"
  [ "$(grep -cE '^[a-z_0-9]+ +(passed|not run) ' "$work/table")" -eq \
    "$(grep -c '^part_' "$source/tools/gpu_check.sh")" ] || fail "a part is missing in the table"
  for part in first_light device_tests op_table same_rollout networks same_seed graphs resume precisions gradients \
    freezing bench_fp32 bench_fp32_graphs bench_bf16 bench_bf16_graphs; do
    says "^$part +passed "
  done
  cat "$work/table"
  tar -xJf "$root/out/results.tar.xz" -C "$work"
  for file in machine.txt table.txt op_table.tests bench_fp32_graphs.json once.csv; do
    [ -s "$work/results/$file" ] || fail "results.tar.xz has no $file"
  done
else
  echo "not rehearsed: the double is not built ($double)"
fi
echo "gpu_check: passed"
