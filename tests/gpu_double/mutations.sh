#!/usr/bin/env bash
# Breaks the CUDA backend, or what records on it, in one way after the other, each in a copy, and expects that the tests on
# the double of a GPU notice. First the same tests must pass on a copy that is not broken. Needs a
# finished build by Ninja; changes nothing in it.
# usage: tests/gpu_double/mutations.sh BUILD_FOLDER [NAME...]     default: all
# exit: 0 every mutation was noticed; 1 one was not or does not apply any more, or the tests fail
# without one; 2 no such build, no Ninja, no mutation of that name
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${1:?usage: tests/gpu_double/mutations.sh BUILD_FOLDER [NAME...]}" && pwd) || exit 2
shift
only=" $* "
command -v ninja >/dev/null || { echo "error: ninja is not installed" >&2; exit 2; }
[ -e "$build/gpu_double/libfrost_cuda.so" ] || { echo "error: $build holds no double" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unnoticed=() count=0 words=()

# each COMMAND: calls it with every mutation, as `mutation` takes them.
each() {
  "$1" nchw_strides kernels/cuda/conv/cudnn_graph.cpp \
    's/return \{d\[1\] \* d\[2\] \* d\[3\], 1, d\[3\] \* d\[1\], d\[1\]\}/return {d[1] * d[2] * d[3], d[2] * d[3], d[3], 1}/' \
    'Ops/OpParity*conv*'
  "$1" barrier_removed kernels/cuda/runtime/launch.cuh \
    '0,/__syncthreads\(\);  \/\/ the sums/s/__syncthreads\(\);  \/\/ the sums.*//' '*OptimizerKernels*:Ops/OpParity*'
  "$1" tile_barrier_removed kernels/cuda/runtime/launch.cuh \
    '/tile\[y\]\[x\] = sum;/{n;s/__syncthreads\(\);//}' 'Ops/Gradcheck*/linear:Ops/OpParity*:Ops/Gradcheck*/layer_norm'
  "$1" early_return kernels/cuda/optimizer.cu \
    's/^( *)sum = block_sum\(sum\);/\1if (thread > 100) return;\n\1sum = block_sum(sum);/' '*OptimizerKernels*'
  "$1" beta_lost kernels/cuda/gemm.cpp 's/beta = key\.accumulate \? 1\.0f : 0\.0f/beta = 0.0f/' \
    'Ops/Gradcheck*linear*'
  "$1" transposes_swapped kernels/cuda/gemm.cpp \
    's/TRANSA, flag\(key\.transpose_b\)/TRANSA, flag(key.transpose_a)/; s/TRANSB, flag\(key\.transpose_a\)/TRANSB, flag(key.transpose_b)/' \
    'Ops/OpParity*linear*'
  "$1" uid_exchanged kernels/cuda/conv/conv2d.cpp 's/\{kX, x\}, \{kWeight, weight\}/{kWeight, x}, {kX, weight}/' \
    'Ops/OpParity*conv*'
  "$1" workspace_halved kernels/cuda/gemm.cpp 's/plan\.workspace, stream_\.raw/plan.workspace \/ 2, stream_.raw/' \
    'Ops/OpParity*linear*' gemm_workspace
  "$1" unpadded_rows kernels/cuda/rounded_matrix.h 's/kRowMultiple = 8/kRowMultiple = 1/' 'Ops/OpParity*linear*' aligned_bf16
  "$1" stale_pointer rl/ppo/minibatch.cpp 's/^( *)&discrete\.old_logp,$/\1\&continuous.old_logp,/' \
    'Devices/ReplayedTraining*Choices*'
  "$1" staging_reused kernels/cuda/runtime/stream.cpp 's/^  staged_ \+= .*$//' 'Ops/OpParity*' async
}

# Reads the command that makes a target of the build, in the build's folder, into `words`.
words_of() { # TARGET
  local command
  command=$(ninja -C "$build" -t commands -s "$1" | tail -n 1)
  command=${command#: && } command=${command% && :}  # of a link
  [ -n "$command" ] || { echo "the build has no command for $1"; return 1; }
  eval "words=($command)"
}

# recompile SOURCE OBJECT: compiles a source with what is in $work/tree before the real tree.
recompile() {
  local source=$root/$1 object=$2 changed=() previous='' word
  [ -e "$work/tree/$1" ] && source=$work/tree/$1
  words_of "$object" || return
  for word in "${words[@]}"; do
    [ "$word" != "-I$root" ] || changed+=("-I$work/tree")
    case $previous in
      -c) word=$source ;;
      -o | -MF) word=$work/objects/$word ;;
    esac
    changed+=("$word") previous=$word
  done
  [[ " ${changed[*]} " == *" -I$work/tree "* ]] || { echo "not understood: ${words[*]}"; return 1; }
  mkdir -p "$work/objects/$(dirname "$object")"
  (cd "$build" && "${changed[@]}") && [ -s "$work/objects/$object" ]
}

# relink TARGET OUTPUT: links a target of the build with the objects that were compiled anew, in place
# of its own or before its libraries.
relink() {
  local changed=() fresh=() added=() previous='' word object
  words_of "$1" || return
  while read -r object; do
    fresh+=("$object")
    [[ " ${words[*]} " == *" $object "* ]] || added+=("$work/objects/$object")
  done < <(cd "$work/objects" && find . -name '*.o' | sed 's|^\./||')
  for word in "${words[@]}"; do
    if [ "$previous" = -o ]; then
      changed+=("$2" "${added[@]}")
    elif [[ " ${fresh[*]} " == *" $word "* ]]; then
      changed+=("$work/objects/$word")
    else
      changed+=("$word")
    fi
    previous=$word
  done
  rm -f "$2"
  (cd "$build" && "${changed[@]}") && [ -s "$2" ]
}

# The object of the double's module, or of a library, that a source becomes.
object_of() {
  case $1 in
    kernels/cuda/*) echo "tests/gpu_double/CMakeFiles/frost_gpu_double_objects.dir/__/__/$1.o" ;;
    *) echo "${1%%/*}/CMakeFiles/frost_${1%%/*}.dir/${1#*/}.o" ;;
  esac
}

# rebuild FILE: compiles what FILE, from $work/tree if it lies there, goes into, and links a copy of the
# double's module or of the tests; sets `module` or `program`. Fails where a step does.
rebuild() {
  local file=$1 sources=$1 source
  rm -rf "$work/objects"
  mkdir -p "$work/objects"
  case $file in
    *.h | *.cuh) sources=$(cd "$root" && grep -rl "\"$file\"" kernels/cuda --include='*.cpp' --include='*.cu') ;;
  esac
  [ -n "$sources" ] || { echo "no source includes $file"; return 1; }
  for source in $sources; do
    recompile "$source" "$(object_of "$source")" || return
  done
  case $file in
    kernels/cuda/*) module=$work/libfrost_cuda.so && relink gpu_double/libfrost_cuda.so "$module" ;;
    *) program=$work/frost_tests && relink tests/frost_tests "$program" ;;
  esac
}

# run_tests TESTS [WORD...]: the tests of frost_tests so named, on a double that behaves as the words
# say (settings.h), with `program` and `module`. The shell's word on an abort goes nowhere.
run_tests() {
  local tests=$1
  shift
  (
    FROST_CUDA_MODULE=$module FROST_REQUIRE_DEVICES=cuda FROST_GPU_DOUBLE="$*" \
      timeout 240 "$program" "--gtest_filter=$tests" --gtest_brief=1 >"$work/log" 2>&1
    exit $?
  ) 2>/dev/null
}

asked_for() { [ "$only" = "  " ] || [[ $only == *" $1 "* ]]; }

# proof NAME FILE SED TESTS [WORD...]: the tests must pass where nothing is broken, each once.
passed=()
proof() {
  local name=$1 code done_before
  shift 3
  asked_for "$name" || return 0
  for done_before in ${passed[@]+"${passed[@]}"}; do [ "$done_before" != "$*" ] || return 0; done
  run_tests "$@"
  code=$?
  if [ $code -ne 0 ] || ! grep -qE '^\[  PASSED  \] [1-9]' "$work/log"; then
    echo "error: the tests fail without a mutation: $* (exit $code)" >&2
    tail -n 20 "$work/log" >&2
    exit 1
  fi
  passed+=("$*")
}

# missed NAME WHY: counts a mutation as not noticed.
missed() {
  echo "$1: $2"
  unnoticed+=("$1")
}

# mutation NAME FILE SED TESTS [WORD...]: FILE changed by the sed script; the tests of frost_tests so
# named must fail, or the double end them, on a double that behaves as the words say (settings.h).
mutation() {
  local name=$1 file=$2 script=$3 begin=$SECONDS code
  shift 3
  asked_for "$name" || return 0
  count=$((count + 1))
  rm -rf "$work/tree"
  mkdir -p "$work/tree/$(dirname "$file")"
  sed -E "$script" "$root/$file" >"$work/tree/$file" || { missed "$name" "sed fails"; return; }
  if cmp -s "$root/$file" "$work/tree/$file"; then
    missed "$name" "does not apply to $file any more"
    return
  fi
  module=$build/gpu_double/libfrost_cuda.so program=$build/tests/frost_tests
  if ! rebuild "$file" >"$work/log" 2>&1; then
    missed "$name" "cannot be compiled and linked"
    tail -n 20 "$work/log"
    return
  fi
  run_tests "$@"
  code=$?
  case $code in
    0) missed "$name" "NOT NOTICED in $((SECONDS - begin)) s" ;;
    # A failed test, an abort by the double, a pointer followed into memory that the double poisons.
    1 | 134 | 139) echo "$name: noticed in $((SECONDS - begin)) s: $(grep -m 1 -E 'gpu double:|Failure$|FAILED|refuses|cannot|failed' "$work/log" | cut -c1-150)" ;;
    124) missed "$name" "the tests hang" ;;
    *)
      missed "$name" "the tests end with $code"
      tail -n 20 "$work/log"
      ;;
  esac
}

names=" "
add_name() { names+="$1 "; }
each add_name
for name in "$@"; do
  [[ $names == *" $name "* ]] || { echo "error: no mutation '$name'; there are:$names" >&2; exit 2; }
done

for file in kernels/cuda/gemm.cpp rl/ppo/minibatch.cpp; do
  rebuild "$file" >"$work/log" 2>&1 && continue
  echo "error: $file cannot be compiled and linked as the build does" >&2
  tail -n 20 "$work/log" >&2
  exit 1
done
each proof
echo "the tests pass without a mutation"
each mutation

echo "$((count - ${#unnoticed[@]})) of $count mutations noticed"
[ "$count" -gt 0 ] || exit 1
[ ${#unnoticed[@]} -eq 0 ] || { echo "not noticed: ${unnoticed[*]}" >&2; exit 1; }
