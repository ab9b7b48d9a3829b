#!/usr/bin/env bash
# What is built names the commit of the sources at the time of the build, not of the configuration.
# usage: commit_test.sh SOURCE_FOLDER
set -euo pipefail
script=$1/cmake/commit.cmake
command -v git >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
header=$work/commit.h
git=(git -C "$work/sources" -c user.name=n -c user.email=e)
git init -q "$work/sources"

# named SUFFIX: the header names the last commit, and the suffix.
named() {
  cmake -D SOURCE="$work/sources" -D HEADER="$header" -P "$script"
  grep -qx "#define FROST_COMMIT \"$("${git[@]}" rev-parse --short=12 HEAD)$1\"" "$header" || {
    echo "after $("${git[@]}" log --format=%s -1)$1: $(cat "$header")" >&2
    exit 1
  }
}

for change in first second; do
  echo "$change" >"$work/sources/file"
  "${git[@]}" add file
  "${git[@]}" commit -qm "$change"
  named ""
done
echo third >"$work/sources/file"
named -dirty

# An unchanged one is not written again: nothing is compiled anew.
touch -d 2001-01-01 "$header"
named -dirty
[ "$(date -r "$header" +%Y)" = 2001 ] || { echo "$header was written again" >&2 && exit 1; }
