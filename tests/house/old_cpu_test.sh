#!/usr/bin/env bash
# Runs the programs on an emulated processor of 2008 (SSE4.2, no AVX) beside this one: features of an
# input must agree to 1e-5, and an update of a small network must go through.
# usage: tests/house/old_cpu_test.sh BIN_FOLDER [CPU]      CPU: as qemu-x86_64 -cpu, default Nehalem
set -euo pipefail
unset FROST_ISA  # a level that the emulated processor may lack
bin=$(cd "${1:?usage: tests/house/old_cpu_test.sh BIN_FOLDER [CPU]}" && pwd)
cpu=${2:-Nehalem}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() { # MESSAGE
  echo "FAILED: $1" >&2
  exit 1
}
old() { # PROGRAM ARGUMENT...
  qemu-x86_64 -cpu "$cpu" "$bin/$1" "${@:2}"
}

# One update of a few states: the emulator computes some fifty times slower. Most of the half minute goes into initial weights.
small=(--threads 1 --device cpu --stop-after 1 --quiet
  --set trainer.num_envs=1 --set trainer.rollout_steps=4 --set trainer.minibatch_size=4
  --set trainer.update_epochs=1 --set environment.max_critical_nodes=8
  --set environment.init_num_nodes=4 --set evaluation.every=0)
"$bin/train" "$root/configs/tiny.yaml" --out native "${small[@]}" >/dev/null
old train "$root/configs/tiny.yaml" --out old "${small[@]}" >/dev/null || fail "train on $cpu"
[ "$(wc -l <old/metrics.csv)" = "$(wc -l <native/metrics.csv)" ] || fail "train on $cpu wrote no update"

# A [3,48,48] array of values from 0.5 to 1 of either sign, as .npy: floats 0x3f00'0000 and up.
shape="{'descr': '<f4', 'fortran_order': False, 'shape': (3, 48, 48), }"
{
  printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$shape"
  bytes=
  for ((i = 0; i < 3 * 48 * 48; ++i)); do
    printf -v value '\\x00\\x%02x\\x%02x\\x%02x' $((i * 37 % 256)) $((i * i % 128)) \
      $((i % 3 ? 0x3f : 0xbf))
    bytes+=$value
  done
  printf '%b' "$bytes"
} >input.npy
"$bin/export_weights" native --part actor -o body.safetensors >/dev/null
"$bin/infer" body.safetensors input.npy --device cpu --features native.npy >/dev/null
old infer body.safetensors input.npy --device cpu --threads 1 --features old.npy >/dev/null ||
  fail "infer on $cpu"

# The 512 features are the last 2048 bytes of either file.
paste <(tail -c 2048 native.npy | od -An -v -tf4 -w4) <(tail -c 2048 old.npy | od -An -v -tf4 -w4) |
  awk -v cpu="$cpu" '
    { d = $1 - $2; d = d < 0 ? -d : d; a = $1 < 0 ? -$1 : $1
      if (!(d <= worst)) worst = d
      if (a > largest) largest = a }
    END {
      printf "%d features on %s: they differ by at most %g of the largest\n", NR, cpu, worst / largest
      exit !(NR == 512 && largest > 0 && worst <= 1e-5 * largest)
    }' || fail "features on $cpu"
