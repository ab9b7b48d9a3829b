#!/usr/bin/env bash
# The documents: every link from README on leads to a file or folder that is there, and to a heading
# where it names one, and every page of docs/ is reached.
# usage: tests/house/links_test.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

failures=0
fail() { # MESSAGE
  echo "FAILED: $1" >&2
  failures=$((failures + 1))
}
text() { # PAGE: without fenced code
  sed '/^```/,/^```/d' "$1"
}
headings() { # PAGE: as links name them
  text "$1" | sed -n 's/^##* //p' | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

declare -A seen=([README.md]=1)
pages=(README.md)
for ((i = 0; i < ${#pages[@]}; ++i)); do
  page=${pages[i]}
  while read -r link; do
    target=$page
    [[ $link == \#* ]] || target=$(realpath -m --relative-to=. "$(dirname "$page")/${link%%#*}")
    if [ ! -e "$target" ]; then
      fail "$page: $link: no such file"
      continue
    elif [[ $link == *\#* ]] && ! headings "$target" | grep -xF -- "${link#*#}" >/dev/null; then
      fail "$page: $link: no such heading"
    fi
    if [[ $target == *.md && -z ${seen[$target]:-} ]]; then
      seen[$target]=1
      pages+=("$target")
    fi
  done < <(text "$page" | grep -o '](\([^)]*\))' | sed 's/^](//; s/)$//' | grep -v '^https\?:' || true)
done
for page in docs/*.md; do
  [ -n "${seen[$page]:-}" ] || fail "$page is reached by no link from README.md"
done
echo "${#pages[@]} pages"
exit $((failures > 0))
