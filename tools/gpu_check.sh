#!/usr/bin/env bash
# Everything that needs a GPU, in one call: builds the `cuda` preset, runs the tests on the device,
# the sanitizers and the benchmarks, and leaves one JSON per part. Needs no network.
# usage: tools/gpu_check.sh [OUTPUT_FOLDER]      default: bench/results/gpu-<commit>
# exit: 0 all parts passed, 1 a part failed, 2 this machine cannot run it
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
out=${1:-bench/results/gpu-$commit}
mkdir -p "$out"
out=$(cd "$out" && pwd)
failed=0

# cuDNN and cuBLAS: the toolkit's, else those of an installed PyTorch.
find_libraries() {
  local folders
  folders=$(ls -d /usr/local/cuda/lib64 /usr/local/cuda/lib 2>/dev/null)
  if ! ls /usr/local/cuda/lib*/libcudnn.so.9 >/dev/null 2>&1; then
    folders+=$'\n'$(for python in python3 /opt/*/bin/python3; do
      "$python" -c 'import glob, os, sys
for path in sys.path: print("\n".join(glob.glob(os.path.join(path, "nvidia", "*", "lib"))))' 2>/dev/null
    done | sort -u)
  fi
  LD_LIBRARY_PATH=$(echo "$folders" | grep . | paste -sd:)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export LD_LIBRARY_PATH
}

# part NAME COMMAND...: runs it, keeps its output as NAME.log and its outcome in NAME.json unless
# the command wrote that itself.
part() {
  local name=$1 start=$SECONDS code
  shift
  echo "== $name: $*"
  "$@" >"$out/$name.log" 2>&1
  code=$?
  if [ ! -s "$out/$name.json" ]; then
    printf '{"part": "%s", "commit": "%s", "exit_code": %d, "seconds": %d}\n' \
      "$name" "$commit" "$code" $((SECONDS - start)) >"$out/$name.json"
  fi
  if [ $code -ne 0 ]; then
    failed=1
    echo "   FAILED (exit $code): $out/$name.log"
    tail -n 20 "$out/$name.log" | sed 's/^/   /'
  fi
}

skip() {
  echo "== $1: not run: $2"
  printf '{"part": "%s", "commit": "%s", "not_run": "%s"}\n' "$1" "$commit" "$2" >"$out/$1.json"
}

build() {
  cmake --preset cuda && cmake --build --preset cuda
}

machine() {
  local driver
  driver=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | head -1)
  printf '{"commit": "%s", "gpu": "%s", "kernel": "%s", "libraries": "%s"}\n' "$commit" "$driver" \
    "$(uname -r)" "$(ldd build/cuda/lib/libfrost_cuda.so | awk '/cudnn|cublas/ {print $3}' | xargs)" \
    >"$out/machine.json"
}

if ! nvidia-smi >/dev/null 2>&1; then
  echo "error: nvidia-smi finds no GPU; tools/test.sh runs what needs none" >&2
  exit 2
fi
find_libraries
part build build
[ $failed -eq 0 ] || exit 1
machine

host_tests=build/cuda/tests/frost_tests
device_tests=build/cuda/frost_cuda_tests
parity='Ops/*:MaxPool*:ResNet18*'
part device_tests "$device_tests" "--gtest_output=json:$out/device_tests.json"
part parity "$host_tests" "--gtest_filter=$parity" "--gtest_output=json:$out/parity.json"
part all_tests ctest --test-dir build/cuda --output-on-failure --no-tests=error
part true_fp32 env NVIDIA_TF32_OVERRIDE=0 "$host_tests" "--gtest_filter=$parity"

if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck initcheck; do
    part "sanitizer_$tool" compute-sanitizer --tool "$tool" --error-exitcode 9 "$host_tests" \
      '--gtest_filter=Ops/OpParity*'
  done
else
  skip sanitizer "compute-sanitizer is not installed: guard bytes of the op tests only"
fi

for device in cpu cuda; do
  part "verify_freezing_$device" bin/verify_freezing configs/tiny.yaml --device $device \
    --json "$out/verify_freezing_$device.json"
  part "train_tiny_$device" bin/train configs/tiny.yaml --device $device --seed 1 \
    --out "$out/runs/tiny_$device"
done
part train_tiny_again bin/train configs/tiny.yaml --device cuda --seed 1 --out "$out/runs/tiny_again"
part same_seed_twice cmp "$out/runs/tiny_cuda/metrics.csv" "$out/runs/tiny_again/metrics.csv"
for graphs in false true; do
  part "train_cartpole_graphs_$graphs" bin/train configs/reference/cartpole.yaml --device cuda \
    --set algorithm.total_steps=5120 --set "system.cuda_graphs=$graphs" \
    --out "$out/runs/cartpole_graphs_$graphs"
done
part graphs_equal_eager cmp "$out/runs/cartpole_graphs_false/metrics.csv" \
  "$out/runs/cartpole_graphs_true/metrics.csv"
part train_tiny_graphs bin/train configs/tiny.yaml --device cuda --seed 1 \
  --set system.cuda_graphs=true --out "$out/runs/tiny_graphs"
part train_quickstart bin/train configs/quickstart.yaml --device cuda --out "$out/runs/quickstart"

part bench_freeze bin/bench_freeze --set system.device=cuda --json "$out/bench_freeze.json"
for precision in tf32 bf16; do
  part "train_tiny_$precision" bin/train configs/tiny.yaml --device cuda --seed 1 \
    --set "system.precision=$precision" --out "$out/runs/tiny_$precision"
  part "bench_freeze_$precision" bin/bench_freeze --set system.device=cuda \
    --set "system.precision=$precision" --json "$out/bench_freeze_$precision.json"
done
if [ -x bin/bench_ops ]; then
  part bench_ops bin/bench_ops "--benchmark_out=$out/bench_ops.json" --benchmark_out_format=json
else
  skip bench_ops "bin/bench_ops was not built (Google Benchmark is missing)"
fi
if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
  part pytorch python3 bench/compare.py --device cuda --json "$out/pytorch.json"
  part pytorch_bf16 python3 bench/compare.py --device cuda --precision bf16 \
    --json "$out/pytorch_bf16.json"
else
  skip pytorch "no PyTorch with CUDA"
fi

echo "results: $out"
exit $failed
