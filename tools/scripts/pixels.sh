#!/usr/bin/env bash
# Trains frozen bodies on the drawn environments, several seeds each, one run at a time on all CPUs, and
# evaluates each on 100 episodes: the table of docs/pixels.md. Exit 1 if a target is missed.
# usage: tools/scripts/pixels.sh [OUT] [CASE...]      CASE: cartpole, cartpole_pooled, pendulum, pendulum_one_frame
set -euo pipefail
. "$(dirname "$0")/help.sh"
cd "$(dirname "$0")/../.."
. tools/scripts/packages.sh
out=${1:-runs/pixels}
shift || true
cases=("$@")
[ ${#cases[@]} -gt 0 ] || cases=(cartpole cartpole_pooled pendulum pendulum_one_frame)
seeds=(1 2 3)

# options CASE: its configuration file and what is set beside it.
options() {
  case $1 in
    cartpole | pendulum) echo "configs/pixels/$1.yaml" ;;
    cartpole_pooled) echo "configs/pixels/cartpole.yaml --set actor_critic.backbone.tap=pooled" ;;
    # What is often tried first: one picture, and of it the average of the last layer.
    pendulum_one_frame)
      echo "configs/pixels/pendulum.yaml --set observation.frames=1" \
        "--set observation.frame_difference=false --set actor_critic.backbone.tap=pooled"
      ;;
    *) echo "error: no case '$1'" >&2; return 2 ;;
  esac
}

# train_one CASE SEED: leaves CASE,SEED,STEPS,RETURN,SECONDS, the seconds those of the training.
train_one() {
  local run=$out/$1/seed$2 words begin seconds steps value
  [ ! -s "$run/result" ] || return 0  # finished earlier
  words=$(options "$1")
  rm -rf "$run"
  begin=$(date +%s.%N)
  # shellcheck disable=SC2086
  bin/train $words --seed "$2" --quiet --out "$run" >/dev/null
  seconds=$(date +%s.%N | awk -v b="$begin" '{ printf "%.0f", $1 - b }')
  steps=$(tail -n 1 "$run/metrics.csv" | cut -d, -f2)
  value=$(bin/evaluate "$run" --checkpoint last --episodes 100 --deterministic --quiet |
    awk '$1 == "return" { print $2 }')
  echo "$1,$2,$steps,$value,$seconds" | tee "$run/result"
}

frost_build train evaluate
mkdir -p "$out"
for name in "${cases[@]}"; do
  for seed in "${seeds[@]}"; do train_one "$name" "$seed"; done
done
echo environment,seed,steps,return,seconds >"$out/pixels.csv"
cat "$out"/*/seed*/result | sort -t, -k1,1 -k2,2n >>"$out/pixels.csv"
missed=0
awk -F, '$1 ~ /^cartpole/ && ($4 < 400 || $5 > 900) { print "missed: " $0; bad = 1 } END { exit bad }' \
  "$out/pixels.csv" || missed=1
median=$(awk -F, '$1 == "pendulum" { print $4 }' "$out/pixels.csv" | sort -n | sed -n 2p)
awk -v m="${median:-0}" 'BEGIN { if (m < -300) { print "missed: pendulum, median " m; exit 1 } }' || missed=1
exit $missed
