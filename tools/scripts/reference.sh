#!/usr/bin/env bash
# Trains PPO on the reference environments, five seeds each, two runs at a time on one thread each,
# and holds the results against published ones (docs/reference.md). Exit 1 if one misses.
# usage: tools/scripts/reference.sh [OUT]      runs, reference.csv and the table go to OUT
set -euo pipefail
. "$(dirname "$0")/help.sh"
cd "$(dirname "$0")/../.."
. tools/scripts/packages.sh
[ $# -le 1 ] || { echo "usage: tools/scripts/reference.sh [OUT]" >&2; exit 2; }
out=${1:-runs/reference}
problems=(cartpole acrobot mountain_car pendulum)
identities=(identity_discrete identity_multi_discrete identity_box identity_hybrid)
seeds=(1 2 3 4 5)

# One run: CONFIG,SEED,STEPS,RETURN,SECONDS. The return is the mean of the last 100 episodes of the
# training; of an identity environment, which sees only 12, that of its closing evaluation.
train_one() {
  local out=$1 name=$2 seed=$3 run begin seconds
  run=$out/$name/seed$seed
  rm -rf "$run"
  begin=$(date +%s.%N)
  bin/train "configs/reference/$name.yaml" --seed "$seed" --threads 1 --quiet --out "$run" \
    >/dev/null || { echo "error: $run failed" >&2; return 1; }
  seconds=$(date +%s.%N | awk -v b="$begin" '{ printf "%.2f", $1 - b }')
  column() { awk -F, -v n="$1" 'NR == 1 { for (i = 1; i <= NF; ++i) if ($i == n) c = i; next }
                                { print $c }' "$2"; }
  local steps value
  steps=$(column charts/global_step "$run/metrics.csv" | tail -n 1)
  if [ -f "$run/evaluations.csv" ]; then
    value=$(column eval/return "$run/evaluations.csv" | tail -n 1)
  else
    value=$(column return "$run/episodes.csv" | tail -n 100 |
      awk '{ s += $1 } END { printf "%.4f", s / NR }')
  fi
  echo "$name,$seed,$steps,$value,$seconds" >"$run/result"
}
export -f train_one

# Prints a row per environment and checks it against what is published.
report() {
  sort -t, -k1,1 -k2,2n "$1" | awk -F, '
    function close_row(   mean, median, verdict, i, low) {
      if (name == "") return
      mean = sum / n
      asort_values()
      median = n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
      low = v[1]
      verdict = "no target"
      if (name == "cartpole") verdict = ok(mean >= 475 && mean <= 500 && low >= 450)
      if (name == "acrobot") verdict = ok(mean >= -92 && mean <= -78)
      if (name == "mountain_car") verdict = ok(low == -200 && v[n] == -200)
      if (name == "pendulum") verdict = ok(median > -250)
      if (name ~ /^identity/) verdict = ok(low >= 90)
      printf "%-24s %9.2f %9.2f %9.2f %9.2f %8.1f  %-28s %s\n", name, mean, median, low, v[n],
             seconds / n, target[name ~ /^identity/ ? "identity" : name], verdict
    }
    function ok(holds) { if (!holds) missed = 1; return holds ? "met" : "MISSED" }
    function asort_values(   i, j, x) {
      for (i = 2; i <= n; ++i) {
        x = v[i]
        for (j = i - 1; j >= 1 && v[j] > x; --j) v[j + 1] = v[j]
        v[j + 1] = x
      }
    }
    BEGIN {
      target["cartpole"] = "mean 475..500, each >= 450"; target["acrobot"] = "mean -92..-78"
      target["mountain_car"] = "each -200"; target["pendulum"] = "median > -250"
      target["identity"] = "each >= 90"
      printf "%-24s %9s %9s %9s %9s %8s  %s\n", "environment", "mean", "median", "least", "most",
             "s/seed", "target"
    }
    $1 != name { close_row(); name = $1; n = sum = seconds = 0 }
    { v[++n] = $4; sum += $4; seconds += $5 }
    END { close_row(); exit missed }'
}

frost_build train
mkdir -p "$out"
for seed in "${seeds[@]}"; do
  for name in "${problems[@]}" "${identities[@]}"; do printf '%s\0%s\0%s\0' "$out" "$name" "$seed"; done
done | xargs -0 -n 3 -P 2 bash -c 'train_one "$@"' _
echo environment,seed,steps,return,seconds >"$out/reference.csv"
cat "$out"/*/seed*/result | sort -t, -k1,1 -k2,2n >>"$out/reference.csv"
tail -n +2 "$out/reference.csv" >"$out/rows"
report "$out/rows" | tee "$out/table.txt"
