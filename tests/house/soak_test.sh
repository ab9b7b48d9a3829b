#!/usr/bin/env bash
# tools/scripts/soak.py: the slope of tables whose slope is known, and a table of a short training.
# usage: soak_test.sh SOURCE_FOLDER TRAIN
set -uo pipefail
soak=$1/tools/scripts/soak.py config=$1/configs/reference/cartpole.yaml
export FROST_TRAIN=$2
command -v python3 >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
wrong() {
  echo "$1" >&2
  failed=1
}

# table SLOPE: two hours with so many MiB/h above 100 MiB and peaks that come and go, the first
# minutes steep.
table() {
  awk -v slope="$1" 'BEGIN {
    print "seconds,updates,rss_mib,threads,descriptors"
    for (s = 1; s <= 7200; s += 7) {
      mib = 100 + slope * s / 3600 + (s < 600 ? -(600 - s) / 10 : 0) + (s % 5 == 0 ? 40 : 0) + s % 3 / 100
      printf "%d,%d,%.3f,1,8\n", s, s * 3, mib
    }
  }' >"$work/table.csv"
}
for case in "3 1 +3.0" "0.5 0 +0.5" "0 0 [+-]0.0" "-2 0 -2.0"; do
  read -r slope status said <<<"$case"
  table "$slope"
  line=$(python3 "$soak" "$work/table.csv")
  [ $? = "$status" ] || wrong "slope $slope: not exit $status: $line"
  grep -q "slope $said[0-9] MiB/h .*1 threads, 8 descriptors" <<<"$line" || wrong "slope $slope: $line"
done

# Too short for a slope, but its table is there.
python3 "$soak" 0.1 "$work/short.csv" "$config" --threads 1 2>"$work/error" && wrong "a slope of six seconds"
grep -q "7 are needed" "$work/error" || wrong "$(cat "$work/error")"
[ "$(wc -l <"$work/short.csv")" -ge 3 ] || wrong "no rows: $(cat "$work/short.csv")"
awk -F, 'NR > 1 && !($3 > 1 && $3 < 1000 && $4 == 1 && $5 >= 3) {exit 1}' "$work/short.csv" ||
  wrong "no memory: $(cat "$work/short.csv")"
exit $failed
