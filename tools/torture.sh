#!/usr/bin/env bash
# What the tests of tests/faults try in seconds, for as long as you like: kill -9 and SIGTERM at random
# moments, every call of a file and every allocation failing once, NaN in the output of every op, damaged
# checkpoints and weights. Prints a summary; exits with 1 where anything did not hold.
# usage: tools/torture.sh [--seed S] [--minutes M]      default: a seed from the clock, 60 minutes
#        tools/torture.sh [--seed S] --kills N           alone: kills a run whose freeze schedule changes
#        the mode four times, until N kill -9 and a third as many SIGTERM were met
#        Builds nothing: cmake --build --preset release comes first. FROST_BUILD names another build
#        folder, as build/asan.
set -uo pipefail
. "$(dirname "$0")/scripts/help.sh"
cd "$(dirname "$0")/.." || exit 1

usage() {
  sed -n 's/^# usage: /usage: /p' "$0" >&2
  exit 2
}

is_count() { [[ $1 =~ ^[1-9][0-9]{0,8}$ ]]; }

seed=$(date +%s) minutes=60 kills=0
while [ $# -gt 0 ]; do
  is_count "${2:-}" || usage
  case $1 in
    --seed) seed=$2 ;;
    --minutes) minutes=$2 ;;
    --kills) kills=$2 ;;
    *) usage ;;
  esac
  shift 2
done

build=${FROST_BUILD:-build/release}
faults=$build/tests/faults/frost_fault_tests units=$build/tests/frost_tests
double=$build/gpu_double/libfrost_cuda.so
if ! [ -x "$faults" ]; then
  echo "error: $faults is not built: cmake --build --preset release" >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
export FROST_TORTURE_SEED=$seed OMP_NUM_THREADS=1
# Checkpoints of pictures and graphs are large, and most of the time would go into a slow disk.
[ -n "${TMPDIR:-}" ] || { [ -w /dev/shm ] && export TMPDIR=/dev/shm; }
if [ -n "${FROST_CUDA_MODULE:-}" ]; then
  echo "recorded on $FROST_CUDA_MODULE"
elif [ -e "$double" ]; then
  FROST_CUDA_MODULE=$PWD/$double
  export FROST_CUDA_MODULE
else
  echo "no run is recorded on the double of a GPU, which is not built (docs/gpu-double.md)"
fi

# stage SHARE PROGRAM FILTER: tests for so many hundredths of the time, divided among them.
stage() {
  local share=$1 program=$2 filter=$3 log=$work/log tests
  tests=$(FROST_TORTURE_SECONDS=1 "$program" --gtest_list_tests --gtest_filter="$filter" | grep -c '^  ')
  if [ "$tests" = 0 ]; then
    echo "error: $program has no test $filter" >&2
    failed=1
    return
  fi
  FROST_TORTURE_SECONDS=$((minutes * 60 * share / 100 / tests + 1)) \
    "$program" --gtest_filter="$filter" >"$log" 2>&1 || {
    failed=1
    grep -vE '^\[ +(OK|RUN)|^\[-+\]' "$log" >&2
  }
  sed -n 's/^torture: /  /p; s/^\[  PASSED  \]/  passed:/p' "$log"
}

finish() {
  if [ "$failed" = 0 ]; then
    echo "everything held"
  else
    echo "error: something did not hold; again with --seed $seed" >&2
  fi
  exit "$failed"
}

if [ "$kills" != 0 ]; then
  export FROST_TORTURE_KILLS=$kills
  minutes=0
  echo "seed $seed, $kills kill -9, $build"
  stage 100 "$faults" '*KilledRuns*FreezeSchedule'
  finish
fi
echo "seed $seed, $minutes minutes, $build"
echo "killed at random moments"
stage 35 "$faults" '*KilledRuns*'
echo "calls of files that fail"
stage 20 "$faults" '*FailingCalls*File*'
echo "allocations that fail"
stage 25 "$faults" '*Failing*Allocation*'
echo "damaged checkpoints and weights"
stage 19 "$faults" 'Damaged*'
echo "NaN in the output of every op"
if [ -x "$units" ]; then
  stage 1 "$units" '*ObservedMinibatch.NamesTheOpOfEveryNaN*'
else
  echo "  left out: $units is not built"
fi
finish
