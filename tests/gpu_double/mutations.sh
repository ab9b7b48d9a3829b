#!/usr/bin/env bash
# Breaks the CUDA backend in one way after the other, each in a copy, and expects that the tests on
# the double of a GPU notice. Needs a finished build by Ninja; changes nothing in it.
# usage: tests/gpu_double/mutations.sh BUILD_FOLDER [NAME...]     default: all
# exit: 0 every mutation was noticed, 1 one was not or does not apply any more, 2 no such build
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:?usage: tests/gpu_double/mutations.sh BUILD_FOLDER [NAME...]}" && pwd) || exit 2
shift
only=" $* "
[ -e "$build/gpu_double/libfrost_cuda.so" ] || { echo "error: $build holds no double" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unnoticed=() count=0

# The command that makes a target of the build, in the build's folder.
command_for() { ninja -C "$build" -t commands -s "$1" | tail -n 1; }

# recompile SOURCE OBJECT: compiles a source with what is in $work/tree before the real tree.
recompile() {
  local source=$root/$1 object=$2 command
  [ -e "$work/tree/$1" ] && source=$work/tree/$1
  command=$(command_for "$object")
  command=${command//"-I$root "/"-I$work/tree -I$root "}
  command=${command//"-c $root/$1"/"-c $source"}
  command=${command//"-o $object"/"-o $work/objects/$object"}
  command=${command//"-MF $object.d"/"-MF $work/objects/$object.d"}
  mkdir -p "$work/objects/$(dirname "$object")"
  (cd "$build" && eval "$command")
}

# relink TARGET OUTPUT: links a target of the build with the objects that were compiled anew, in place
# of its own or before its libraries.
relink() {
  local command object
  command=$(command_for "$1")
  while read -r object; do
    if [[ $command == *" $object "* ]]; then
      command=${command//" $object "/" $work/objects/$object "}
    else
      command=${command//"-o $1 "/"$work/objects/$object -o $1 "}
    fi
  done < <(cd "$work/objects" && find . -name '*.o' | sed 's|^\./||')
  command=${command//"-o $1 "/"-o $2 "}
  (cd "$build" && eval "$command")
}

# The object of the double's module, or of a library, that a source becomes.
object_of() {
  case $1 in
    kernels/cuda/*) echo "tests/gpu_double/CMakeFiles/frost_gpu_double_objects.dir/__/__/$1.o" ;;
    *) echo "${1%%/*}/CMakeFiles/frost_${1%%/*}.dir/${1#*/}.o" ;;
  esac
}

# mutation NAME FILE SED TESTS [WORD...]: FILE changed by the sed script; the tests of frost_tests so
# named must fail on a double that behaves as the words say (settings.h).
mutation() {
  local name=$1 file=$2 script=$3 tests=$4 begin=$SECONDS source
  shift 4
  [ "$only" = "  " ] || [[ $only == *" $name "* ]] || return 0
  count=$((count + 1))
  rm -rf "$work/tree" "$work/objects"
  mkdir -p "$work/tree/$(dirname "$file")" "$work/objects"
  sed -E "$script" "$root/$file" >"$work/tree/$file"
  if cmp -s "$root/$file" "$work/tree/$file"; then
    echo "$name: does not apply to $file any more"
    unnoticed+=("$name")
    return
  fi
  local sources=$file
  case $file in *.h | *.cuh) sources=$(cd "$root" && grep -rl "\"$file\"" kernels/cuda --include='*.c*' | grep -v '\.cuh$') ;; esac
  for source in $sources; do
    if ! recompile "$source" "$(object_of "$source")" >"$work/log" 2>&1; then
      echo "$name: $source does not compile"
      cat "$work/log"
      unnoticed+=("$name")
      return
    fi
  done
  local module=$build/gpu_double/libfrost_cuda.so program=$build/tests/frost_tests
  case $file in
    kernels/cuda/*) module=$work/libfrost_cuda.so && relink gpu_double/libfrost_cuda.so "$module" ;;
    *) program=$work/frost_tests && relink tests/frost_tests "$program" ;;
  esac >"$work/log" 2>&1 || cat "$work/log"
  (FROST_CUDA_MODULE=$module FROST_REQUIRE_DEVICES=cuda FROST_GPU_DOUBLE="$*" \
    timeout 240 "$program" "--gtest_filter=$tests" --gtest_brief=1 >"$work/log" 2>&1) 2>/dev/null
  case $? in
    0) echo "$name: NOT NOTICED in $((SECONDS - begin)) s" && unnoticed+=("$name") ;;
    124) echo "$name: the tests hang" && unnoticed+=("$name") ;;
    *) echo "$name: noticed in $((SECONDS - begin)) s: $(grep -m 1 -E 'gpu double:|Failure$|FAILED|refuses|cannot|failed' "$work/log" | cut -c1-150)" ;;
  esac
}

mutation nchw_strides kernels/cuda/conv/cudnn_graph.cpp \
  's/return \{d\[1\] \* d\[2\] \* d\[3\], 1, d\[3\] \* d\[1\], d\[1\]\}/return {d[1] * d[2] * d[3], d[2] * d[3], d[3], 1}/' \
  'Ops/OpParity*conv*'
mutation barrier_removed kernels/cuda/runtime/launch.cuh \
  '0,/__syncthreads\(\);  \/\/ the sums/s/__syncthreads\(\);  \/\/ the sums.*//' '*OptimizerKernels*:Ops/OpParity*'
mutation early_return kernels/cuda/optimizer.cu \
  's/^( *)sum = block_sum\(sum\);/\1if (thread > 100) return;\n\1sum = block_sum(sum);/' '*OptimizerKernels*'
mutation beta_lost kernels/cuda/gemm.cpp 's/beta = key\.accumulate \? 1\.0f : 0\.0f/beta = 0.0f/' \
  'Ops/Gradcheck*linear*'
mutation transposes_swapped kernels/cuda/gemm.cpp \
  's/TRANSA, flag\(key\.transpose_b\)/TRANSA, flag(key.transpose_a)/; s/TRANSB, flag\(key\.transpose_a\)/TRANSB, flag(key.transpose_b)/' \
  'Ops/OpParity*linear*'
mutation uid_exchanged kernels/cuda/conv/conv2d.cpp 's/\{kX, x\}, \{kWeight, weight\}/{kWeight, x}, {kX, weight}/' \
  'Ops/OpParity*conv*'
mutation workspace_halved kernels/cuda/gemm.cpp 's/plan\.workspace, stream_\)/plan.workspace \/ 2, stream_)/' \
  'Ops/OpParity*linear*' gemm_workspace
mutation unpadded_rows kernels/cuda/rounded_matrix.h 's/kRowMultiple = 8/kRowMultiple = 1/' 'Ops/OpParity*linear*' aligned_bf16
mutation stale_pointer rl/ppo/minibatch.cpp 's/^( *)&discrete\.old_logp,$/\1\&continuous.old_logp,/' \
  'Devices/ReplayedTraining*Choices*'
mutation missing_wait kernels/cuda/cuda_backend.cpp \
  '/HostToDevice/{n;s/FROST_CUDA\(cudaStreamSynchronize\(stream_\)\);//}' 'Ops/OpParity*' async

echo "$((count - ${#unnoticed[@]})) of $count mutations noticed"
[ ${#unnoticed[@]} -eq 0 ] || { echo "not noticed: ${unnoticed[*]}" >&2; exit 1; }
