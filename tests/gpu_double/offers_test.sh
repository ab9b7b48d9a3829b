#!/usr/bin/env bash
# What a program does on a GPU that is full, lacks a driver or offers little: the results of a healthy
# one, or one line that says why not. Never a hang, never a crash.
# usage: offers_test.sh FOLDER_OF_PROGRAMS MODULE_OF_THE_DOUBLE
set -uo pipefail
bin=$1 module=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

cat >"$work/small.yaml" <<'YAML'
environment: {substrate_params: {m: 0.05}, max_critical_nodes: 12}
observation: {kind: image, image_size: 24}
actor_critic: {pretrained_weights: random, backbone: {freeze_mode: all}}
algorithm: {total_steps: 8, enable_kl_early_stop: false}
trainer: {num_envs: 2, rollout_steps: 4, minibatch_size: 4, update_epochs: 2, checkpoint_every: 0}
system: {cuda_graphs: true}
YAML

device=cuda
# train NAME WORDS [OPTION...]: a short training on a double so described; sets `code`.
train() {
  local name=$1 words=$2
  shift 2
  FROST_CUDA_MODULE=$module FROST_GPU_DOUBLE=$words timeout 120 "$bin/train" "$work/small.yaml" \
    --seed 1 --device $device --quiet --out "$work/$name" "$@" >"$work/$name.out" 2>"$work/$name.err"
  code=$?
}

# wrong NAME WHAT: reports what the run did.
wrong() {
  echo "$1: $2 (exit $code)" >&2
  tail -n 20 "$work/$1.err" >&2
  failed=1
}

expect_same() { # NAME WORDS [OPTION...]
  train "$@"
  [ $code -eq 0 ] || { wrong "$1" "did not finish"; return; }
  cmp -s "$work/$1/metrics.csv" "$work/healthy/metrics.csv" ||
    wrong "$1" "gave other numbers than a healthy GPU"
}

expect_refusal() { # NAME TEXT
  [ $code -eq 1 ] || [ $code -eq 2 ] || { wrong "$1" "was neither refused nor finished"; return; }
  [ "$(grep -c '^error: ' "$work/$1.err")" -eq 1 ] || wrong "$1" "gave not one line of error"
  grep -q "$2" "$work/$1.err" || wrong "$1" "did not say '$2'"
}

train healthy ""
[ $code -eq 0 ] && [ -s "$work/healthy/metrics.csv" ] || { wrong healthy "did not finish"; exit 1; }

# One allocation that fails: what lies unused is given back, and the second attempt succeeds.
for n in 1 40 400; do expect_same "one_$n" "fail_allocation=$n"; done

# A full device, from the first allocation to one of the last.
finished=0
for n in 1 5 30 200 700 1000000; do
  train "full_$n" "out_of_memory=$n"
  if [ $code -eq 0 ]; then
    finished=1
  else
    expect_refusal "full_$n" "out of GPU memory"
    grep -q 'total' "$work/full_$n.err" || wrong "full_$n" "did not say who holds the memory"
  fi
done
[ $finished -eq 1 ] || { echo "no run finished with all the memory there is" >&2; failed=1; }

for driver in none old; do
  train "driver_$driver" "driver=$driver"
  expect_refusal "driver_$driver" "driver"
  device=auto train "auto_$driver" "driver=$driver"
  [ $code -eq 0 ] || wrong "auto_$driver" "did not go on with the CPU"
done

# A cuDNN that can run nothing is not used at all.
for engines in none large; do
  train "engines_$engines" "engines=$engines"
  expect_refusal "engines_$engines" "cuDNN cannot run a convolution"
done

for words in engines=tensor_core engines=compiled engines=ceiling unsupported_plans=3 gemm_workspace; do
  train "${words%=*}_${words#*=}" "$words" --set actor_critic.backbone.freeze_mode=layer4.1
  [ $code -eq 0 ] || wrong "${words%=*}_${words#*=}" "did not finish"
done
train bf16 aligned_bf16 --set system.precision=bf16
[ $code -eq 0 ] || wrong bf16 "did not finish"

exit $failed
