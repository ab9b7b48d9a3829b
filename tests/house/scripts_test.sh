#!/usr/bin/env bash
# Every script of tools/ tells what it is for and how it is called, from any folder, and does nothing else.
# usage: scripts_test.sh SOURCE_FOLDER
set -uo pipefail
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
wrong() {
  echo "$1" >&2
  failed=1
}

tried=0
for script in "$root"/tools/*.sh "$root"/tools/scripts/*.sh; do
  name=tools/${script#"$root"/tools/}
  case $name in */packages.sh | */help.sh) continue ;; esac # these are sourced
  tried=$((tried + 1))
  for word in --help -h; do
    said=$(timeout 20 "$script" "$word" 2>error </dev/null) || wrong "$name $word: exit $?"
    grep -q "^usage: $name" <<<"$said" || wrong "$name $word does not say how it is called: $said"
    [ "$(wc -l <<<"$said")" -ge 2 ] || wrong "$name $word does not say what it is for"
    [ ! -s error ] || wrong "$name $word: $(head -n 1 error)"
    rm -f error
    [ -z "$(ls -A)" ] || wrong "$name $word left $(ls -A)"
  done
done
[ "$tried" -ge 8 ] || wrong "only $tried scripts were found"
exit $failed
