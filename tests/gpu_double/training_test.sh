#!/usr/bin/env bash
# train and verify_freezing on the double of a GPU: the same seed twice, recorded minibatches and a
# resumed run give the same numbers and the same last checkpoint, and freezing is proved by the program
# itself.
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

# two_updates NAME: its table holds a header and a line per update.
two_updates() {
  [ "$(wc -l <"$work/$1/metrics.csv")" -eq 3 ] && return
  echo "$1 left not one line per update" >&2
  failed=1
}

# tensors FILE: what follows the header of a safetensors file. The header holds the configuration.
tensors() {
  local header
  header=$(od -A n -t u8 -N 8 "$1" | tr -d ' ')
  tail -c "+$((header + 9))" "$1"
}

checkpoint=checkpoints/last.safetensors
expect_same() { # NAME
  two_updates "$1"
  cmp "$work/first/metrics.csv" "$work/$1/metrics.csv" ||
    { echo "$1 differs from the first run" >&2; failed=1; }
  cmp <(tensors "$work/first/$checkpoint") <(tensors "$work/$1/$checkpoint") ||
    { echo "the tensors of $1 differ from those of the first run" >&2; failed=1; }
}

train first
two_updates first
[ "$(tensors "$work/first/$checkpoint" | head -c 1000 | wc -c)" -eq 1000 ] ||
  { echo "the first run left no tensors" >&2; failed=1; }
grep -q '"device": .*cuda' "$work/first/run.json" || { echo "trained elsewhere" >&2; failed=1; }
train again
expect_same again
train recorded --set system.cuda_graphs=true
expect_same recorded
train resumed --stop-after 1
"$bin/train" "$config" --seed 1 --device cuda --quiet --resume "$work/resumed" \
  --set algorithm.total_updates=2 --set trainer.rollout_steps=16 >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; failed=1; }
expect_same resumed
"$bin/verify_freezing" "$config" --device cuda --quiet --set trainer.rollout_steps=16 \
  >"$work/log" 2>&1 || { cat "$work/log" >&2; failed=1; }
exit $failed
