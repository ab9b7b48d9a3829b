#!/usr/bin/env bash
# Trains the quickstart over several seeds and compares it with the baselines on the same held-out
# episodes: the figures of the README.
# usage: tools/scripts/quickstart_seeds.sh [OUT] [SEED...]
set -euo pipefail
. "$(dirname "$0")/help.sh"
cd "$(dirname "$0")/../.."
. tools/scripts/packages.sh
out=${1:-runs/quickstart_seeds}
shift || true
seeds=("$@")
[ ${#seeds[@]} -gt 0 ] || seeds=(0 1 2)
config=configs/quickstart.yaml
frost_build train evaluate
episodes=(--episodes 50 --seed 777)  # episodes that neither training nor model selection met
mkdir -p "$out"

for seed in "${seeds[@]}"; do
  run=$out/seed$seed
  [ -e "$run/evaluation.txt" ] && continue  # finished earlier
  rm -rf "$run"
  bin/train "$config" --seed "$seed" --out "$run"
  bin/evaluate "$run" --checkpoint last "${episodes[@]}" --sampled --deterministic | tee "$run/evaluation.txt"
  bin/evaluate --policy untrained "$config" --set system.seed="$seed" "${episodes[@]}" | tee "$run/untrained.txt"
done
for policy in random half_delete; do
  bin/evaluate --policy "$policy" "$config" "${episodes[@]}" | tee "$out/$policy.txt"
done
