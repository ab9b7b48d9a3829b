#!/usr/bin/env bash
# docs/troubleshooting.md: every file of configs/troubles shows its symptom, and the options in its
# line "# Cure:" take it away.
# usage: tests/house/troubles_test.sh BIN_FOLDER
set -euo pipefail
bin=$(cd "${1:?usage: tests/house/troubles_test.sh BIN_FOLDER}" && pwd)
troubles=$(cd "$(dirname "$0")/../.." && pwd)/configs/troubles
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

failures=0
fail() { # MESSAGE
  echo "FAILED: $1" >&2
  failures=$((failures + 1))
}
train() { # NAME RUN OPTION...
  "$bin/train" "$troubles/$1.yaml" --quiet --out "$2" "${@:3}" >/dev/null
}
train_cured() { # NAME
  eval "train $1 $1.cured $(sed -n 's/^# Cure: //p' "$troubles/$1.yaml")" || fail "$1.cured: train"
}
expect() { # RUN COLUMN RELATION BOUND: of the last row of the run's metrics
  awk -F, -v column="$2" -v relation="$3" -v bound="$4" '
    NR == 1 { for (i = 1; i <= NF; ++i) if ($i == column) at = i }
    END {
      seen = at && $at ~ /^-?[0-9]/
      holds = relation == "<" ? $at + 0 < bound : relation == ">" ? $at + 0 > bound : $at + 0 == bound
      exit !(seen && holds)
    }' "$1/metrics.csv" || fail "$1: $2 is not $3 $4"
}
trouble() { # NAME COLUMN, RELATION BOUND of the symptom, RELATION BOUND of the cured run
  train "$1" "$1" || fail "$1: train"
  expect "$1" "$2" "$3" "$4"
  train_cured "$1"
  expect "$1.cured" "$2" "$5" "$6"
}

trouble no_improvement charts/episodic_return '<' 30 '>' 100
trouble too_much_entropy charts/episodic_return '<' 30 '>' 100
trouble kl_stop charts/episodic_return '<' 30 '>' 100
trouble no_reward_seen losses/value_loss '<' 0.001 '>' 0.01
trouble loss_spikes losses/approx_kl '>' 100 '<' 0.1
trouble not_frozen grad_norm/backbone '>' 0 '=' 0

if train not_finite not_finite 2>message || ! grep -q 'is not finite' message; then
  fail "not_finite: no such error"
fi
train_cured not_finite

for file in "$troubles"/*.yaml; do
  [ -d "$(basename "$file" .yaml).cured" ] || fail "$file is not tried"
done
exit $((failures > 0))
