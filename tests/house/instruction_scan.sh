#!/usr/bin/env bash
# Looks for functions that need AVX or later where only the processors that have it may run them.
# usage: tests/house/instruction_scan.sh [--allow REGEX]... FILE...
#        FILE: object, archive or program. Functions whose "FILE:SYMBOL" matches an --allow may use
#        such instructions; FILE is the member of an archive, SYMBOL is mangled. Of a weak symbol the
#        name itself must match: the linker keeps one copy of an inline function for the whole
#        program, and it may be the one that was compiled for the newest processor.
# Exit 0: none found; 1: some, listed; 2: wrong usage.
set -euo pipefail

allow= files=()
while [ $# -gt 0 ]; do
  case $1 in
    --allow) allow=${allow:+$allow|}${2:?--allow needs a regular expression} && shift ;;
    *) files+=("$1") ;;
  esac
  shift
done
[ ${#files[@]} -gt 0 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
for file in "${files[@]}"; do
  [ -r "$file" ] || { echo "error: cannot read $file" >&2; exit 2; }
done

# Names of weak functions, then the disassembly. Everything encoded with VEX or EVEX has a mnemonic
# that begins with v, or is a mask (k...) or a BMI instruction.
found=$(for file in "${files[@]}"; do
  echo "FILE $(basename "$file")"
  nm "$file" 2>/dev/null | awk -v member="$(basename "$file")" '
    /^[^ ]+:$/ { member = substr($1, 1, length($1) - 1) }
    $2 == "W" || $2 == "V" || $2 == "u" { print "WEAK", member ":" $3 }'
  objdump -d --no-show-raw-insn "$file"
done | awk -v allow="$allow" '
  $1 == "FILE" { file = $2; delete weak; next }
  $1 == "WEAK" { weak[$2]; next }
  / file format / { file = $1; sub(/:$/, "", file); sub(/.*\//, "", file); next }
  /^[0-9a-f]+ <.*>:$/ {
    symbol = substr($2, 2, length($2) - 3)
    whole = (file ":" symbol) in weak ? symbol : file ":" symbol
    checked = allow == "" || whole !~ allow
    next
  }
  checked && $2 ~ /^(v[a-z]|k(add|and|mov|not|or|shift|test|unpck|xnor|xor)|andn$|bextr$|bls|bzhi$|mulx$|pdep$|pext$|rorx$|sarx$|shlx$|shrx$)/ &&
    $2 !~ /^(verr|verw|vm[clrswxp])/ {
    ++count[file ": " symbol]
    example[file ": " symbol] = $2
  }
  END { for (place in count) printf "%s: %d, such as %s\n", place, count[place], example[place] }
' | sort | c++filt)
[ -z "$found" ] || { echo "$found"; exit 1; }
