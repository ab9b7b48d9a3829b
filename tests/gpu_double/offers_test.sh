#!/usr/bin/env bash
# What a program does on a GPU that is full, lacks a driver or offers little: the results of a healthy
# one, bit for bit where the arithmetic is the same, or one line that says why not. Never a hang, never
# a crash.
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
    --seed 1 --device "$device" --quiet --out "$work/$name" "$@" >"$work/$name.out" 2>"$work/$name.err"
  code=$?
  rm -rf "$work/$name/checkpoints"  # what is compared lies beside them; all of them together take GB
}

# wrong NAME WHAT: reports what the run did.
wrong() {
  echo "$1: $2 (exit $code)" >&2
  tail -n 20 "$work/$1.err" >&2
  failed=1
}

finished() { # NAME
  [ $code -eq 0 ] && [ -s "$work/$1/metrics.csv" ] && return
  wrong "$1" "did not finish"
  return 1
}

same_as() { # NAME REFERENCE
  cmp -s "$work/$1/metrics.csv" "$work/$2/metrics.csv" ||
    wrong "$1" "gave other numbers than a healthy GPU"
}

# close_to NAME REFERENCE: every number within 1e-3 of its like, relative to the larger of the two.
close_to() {
  awk -F, '
    function fail(what) { print "line " FNR ": " what; failed = 1; exit 1 }
    function size(x) { return x < 0 ? -x : x }
    NR == FNR { want[FNR] = $0; lines = FNR; next }
    FNR == 1 { if ($0 != want[1]) fail("other columns"); next }
    {
      if (FNR > lines || split(want[FNR], w) != NF) fail("more or fewer numbers")
      for (i = 1; i <= NF; ++i) {
        if ($i == "" && w[i] == "") continue  # of neither was there anything to measure
        if ($i !~ number || w[i] !~ number) fail("column " i " is no number: " $i ", " w[i])
        a = $i + 0; b = w[i] + 0
        larger = size(a) > size(b) ? size(a) : size(b)
        if (size(a - b) > 1e-3 * larger) fail("column " i " is " $i ", not " w[i])
      }
    }
    END { if (!failed && (FNR != lines || lines < 2)) fail("lines are missing"); exit failed }
  ' number='^-?[0-9]+([.][0-9]*)?(e[-+]?[0-9]+)?$' \
    "$work/$2/metrics.csv" "$work/$1/metrics.csv" >>"$work/$1.err" ||
    wrong "$1" "is too far from a healthy GPU"
}

# expect_failure NAME NUMBER: that allocation, counted from 1, was made to fail.
expect_failure() {
  grep -Eq "gpu double: allocation $2 fails as asked" "$work/$1.err" ||
    wrong "$1" "met no allocation that fails"
}

expect_refusal() { # NAME TEXT
  [ $code -eq 1 ] || [ $code -eq 2 ] || { wrong "$1" "was neither refused nor finished"; return; }
  [ "$(grep -c '^error: ' "$work/$1.err")" -eq 1 ] || wrong "$1" "gave not one line of error"
  grep -q "$2" "$work/$1.err" || wrong "$1" "did not say '$2'"
}

train healthy ""
finished healthy || exit 1

# One allocation that fails: what lies unused is given back, and the second attempt succeeds.
for n in 1 40 400; do
  train "one_$n" "fail_allocation=$n"
  finished "one_$n" && same_as "one_$n" healthy
  expect_failure "one_$n" "$n"
done

# A full device, from the first allocation to one of the last.
some_finished=0
for n in 1 5 30 200 700 1000000; do
  train "full_$n" "out_of_memory=$n"
  if [ $code -eq 0 ]; then
    some_finished=1
    finished "full_$n" && same_as "full_$n" healthy
    [ "$n" -gt 5 ] || wrong "full_$n" "finished without memory"
  else
    expect_refusal "full_$n" "out of GPU memory"
    expect_failure "full_$n" "[0-9]+"
    grep -Eq 'memory \(MiB\) +live +peak' "$work/full_$n.err" ||
      wrong "full_$n" "did not say who holds the memory"
  fi
done
[ $some_finished -eq 1 ] || { echo "no run finished with all the memory there is" >&2; failed=1; }

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

# Other engines and plans, with a backbone that trains in part, and products in bfloat16.
fp32=(--set actor_critic.backbone.freeze_mode=layer4.1)
bf16=(--set system.precision=bf16)
train healthy_fp32 "" "${fp32[@]}"
finished healthy_fp32
train healthy_bf16 "" "${bf16[@]}"
finished healthy_bf16
for words in engines=tensor_core engines=compiled engines=ceiling unsupported_plans=3; do
  name=${words%=*}_${words#*=}
  train "$name" "$words" "${fp32[@]}"
  finished "$name" && close_to "$name" healthy_fp32
done
train gemm_workspace gemm_workspace "${fp32[@]}"
finished gemm_workspace && same_as gemm_workspace healthy_fp32
train aligned_bf16 aligned_bf16 "${bf16[@]}"
finished aligned_bf16 && close_to aligned_bf16 healthy_bf16

exit $failed
