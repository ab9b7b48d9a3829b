#!/usr/bin/env bash
# train and verify_freezing on the double of a GPU: the same seed twice, recorded minibatches and a
# resumed run give the same numbers, and freezing is proved by the program itself.
# usage: training_test.sh FOLDER_OF_PROGRAMS CONFIGURATION      (FROST_CUDA_MODULE names the double)
set -uo pipefail
bin=$1 config=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# train NAME [OPTION...]
train() {
  local name=$1
  shift
  "$bin/train" "$config" --seed 1 --device cuda --quiet --out "$work/$name" \
    --set algorithm.total_updates=2 --set trainer.rollout_steps=16 "$@" >"$work/log" 2>&1 && return
  echo "train $name failed:" >&2
  cat "$work/log" >&2
  failed=1
}

expect_same() { # NAME FILE
  cmp "$work/first/$2" "$work/$1/$2" || { echo "$1 differs from the first run" >&2; failed=1; }
}

train first
grep -q '"device": .*cuda' "$work/first/run.json" || { echo "trained elsewhere" >&2; failed=1; }
train again
expect_same again metrics.csv
train recorded --set system.cuda_graphs=true
expect_same recorded metrics.csv
train resumed --stop-after 1
"$bin/train" "$config" --seed 1 --device cuda --quiet --resume "$work/resumed" \
  --set algorithm.total_updates=2 --set trainer.rollout_steps=16 >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; failed=1; }
expect_same resumed metrics.csv
"$bin/verify_freezing" "$config" --device cuda --quiet --set trainer.rollout_steps=16 \
  >"$work/log" 2>&1 || { cat "$work/log" >&2; failed=1; }
exit $failed
