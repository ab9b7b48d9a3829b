#!/usr/bin/env bash
# Runs what tools/gpu_pack.sh has packed on a machine with a GPU, its driver and the CUDA libraries
# (its own, or those in the wheels of an installed PyTorch); of other programs it needs bash,
# coreutils, tar and xz. It ends within 560 s, parts in order of worth, each under a limit of its own.
# Stopped by a signal, it leaves what results there are.
# usage: tools/gpu_check.sh [--rehearse MODULE] ARCHIVE [OUT]
#   --rehearse: everything in a smaller size on MODULE, a double of the GPU, in place of ours
#   OUT: where results.tar.xz goes (logs, JSON, metrics), default: .
# exit: 0 all parts passed, 1 a part failed, the module is refused or a signal came, 2 no GPU or no
#   archive, 3 incomplete: no part failed, but some were not run (no time left, or what they need is
#   not there; the latter does not count in a rehearsal, which has no PyTorch and no sanitizer)
# shellcheck disable=SC2317  # parts are called by their names
set -uo pipefail
# What the caller may have set for other runs.
unset FROST_CUDA_MODULE FROST_GPU_DOUBLE FROST_POISON_IDLE_MEMORY FROST_ISA

budget=540  # seconds for all parts; the rest is for packing the results
# Each part is the function part_NAME below, and the seconds it may take.
parts=(
  first_light 60    # one update of the smallest run
  device_tests 70   # CudaDevice.*: what looks inside the module
  op_table 70       # every op against float64, and whatever runs on every device
  same_rollout 30   # losses and gradients of CPU and GPU on one rollout
  networks 60       # the ResNets' goldens, kept features
  same_seed 40      # the same training twice, to equal bits
  graphs 40         # recorded minibatches, to the bits of the eager ones
  resume 30         # a run that was stopped and went on, to equal bits
  precisions 40     # tf32 and bf16 train
  gradients 70      # gradient checks of the op table
  freezing 40       # the proof of verify_freezing
  bench_fp32 50     # bench_freeze: graph and image, all and none
  bench_fp32_graphs 50
  bench_bf16 40
  bench_bf16_graphs 40
  memcheck 60       # compute-sanitizer on own kernels
  racecheck 60
  pytorch 150       # the same cases in PyTorch, folded and compiled, bf16
  bench_ops 40
)
not_run=77  # the status of a part that cannot run here, or not to its end
pythons=(python3 /opt/*/bin/python3 /opt/*/.venv/bin/python3)  # those that may have a PyTorch

usage() {
  while read -r line; do [[ $line != '# usage: '* ]] || echo "${line#\# }"; done <"$0"
  exit 2
} >&2

stop() { # MESSAGE STATUS: nothing was run
  echo "error: $1" >&2
  exit "$2"
}

case ${1:-} in -h | --help) sed -n '1d; /^#/!q; s/^# \{0,1\}//p' "$0" && exit 0 ;; esac
module=
[ "${1:-}" != --rehearse ] || { module=$(realpath -e "${2:-}") || stop "no such module: ${2:-}" 2; shift 2; }
[[ $# -ge 1 && $# -le 2 && $1 != -* ]] || usage
archive=$1 out=${2:-.}
[ -f "$archive" ] || stop "no archive $archive: tools/gpu_pack.sh makes it" 2
mkdir -p "$out" || stop "no folder $out" 2
out=$(realpath "$out")
work=$(mktemp -d) || stop "no room for temporary files" 2
root=$work/frostline results=$work/results
table=() child=
# Packs the results if anything was run. A failure of that is a failure of the check.
finish() {
  local status=$?
  trap '' HUP INT TERM
  [ -z "$child" ] || { kill "$child" && wait "$child"; } 2>/dev/null
  if [ -s "$results/machine.txt" ]; then
    printf '%s\n' "${table[@]}" >"$results/table.txt"
    tar -C "$work" -c results | xz >"$out/results.tar.xz" || status=1
  fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'table+=("stopped by a signal"); exit 1' HUP INT TERM
tar -C "$work" -xJf "$archive" 2>"$work/tar.log" || stop "$archive: $(<"$work/tar.log")" 2
[ -x "$root/bin/train" ] || stop "$archive was not made by tools/gpu_pack.sh" 2
mkdir "$results"
cd "$root" || exit 2

# Answers of a GPU: its name, driver and memory.
find_gpu() {
  [ -z "$module" ] || { gpu="rehearsal on $module" && return; }
  PATH=$PATH:/usr/local/nvidia/bin:/usr/local/cuda/bin
  gpu=$(timeout -k 5 20 nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>&1) ||
    stop "no GPU answers here: ${gpu:-nvidia-smi says nothing}" 2
}

# The archive's libraries, then cuDNN and cuBLAS: the system's, else those of a PyTorch.
find_libraries() {
  local folder python pattern='import glob, os, sys
for path in sys.path: print("\n".join(glob.glob(os.path.join(path, "nvidia", "*", "lib"))))'
  library_path=$root/lib
  for folder in /usr/local/cuda/lib64 /usr/local/cuda/lib; do
    [ ! -e "$folder/libcublasLt.so.13" ] && [ ! -e "$folder/libcudnn.so.9" ] || library_path+=:$folder
  done
  for python in "${pythons[@]}"; do
    while read -r folder; do
      [ -z "$folder" ] || library_path+=:$folder
    done < <(timeout -k 1 5 "$python" -c "$pattern" 2>/dev/null)
  done
  [[ -z ${LD_LIBRARY_PATH:-} ]] || library_path+=:$LD_LIBRARY_PATH
}

# What a run of the tiny configuration needs besides, tests and sizes; then those of a rehearsal, whose
# GPU is a CPU that others use too.
updates=5 slowness=1
op_filter='Ops/OpParity*:Devices/*'
gradient_filter='Ops/Gradcheck*'
network_filter='*ResNetGolden*:*ResNetAdapters*:*ResNetOfDepth*:*PrefixOfResNet*:MaxPool*:Modes/CachedModes*'
run_sizes=(--set evaluation.every=0 --set evaluation.episodes=1 --set environment.max_steps=20)
proof_sizes=()
bench_sizes=(--modes "all,none" --repetitions 2)
[ -z "$module" ] || {
  updates=2 slowness=3
  op_filter='Ops/OpParity*:Devices/OptimizerKernels*'
  gradient_filter='Ops/Gradcheck.*/l*'
  network_filter='*ResNetGolden.*/18at24'
  run_sizes=(--set evaluation.every=0 --set evaluation.episodes=1 --set environment.max_steps=1
    --set trainer.num_envs=1 --set trainer.rollout_steps=2 --set trainer.minibatch_size=2
    --set trainer.update_epochs=1 --set environment.max_critical_nodes=2
    --set environment.init_num_nodes=1)
  proof_sizes=(--set observation.kind=image --set observation.image_size=24)
  bench_sizes=(--observation image --modes all --repetitions 1 --steps 8 --minibatch 4 --epochs 1
    --image-size 24)
}

# limited COMMAND...: under what is left of the part's time; 124 when that is over. In the background,
# as a signal is heard only while the shell waits.
limited() {
  local left=$((part_end - SECONDS)) status
  [ "$left" -gt 0 ] || return 124
  timeout -k 5 "$left" "$@" &
  child=$!
  wait "$child" 2>/dev/null  # the shell's own "Killed"
  status=$?
  child=
  # 137 is a kill: by timeout, of what did not end when told to, or before the time was over by others.
  [[ $status -ne 137 || $SECONDS -lt $part_end ]] || return 124
  return "$status"
}
# ours PROGRAM ARGUMENT...: one of the archive, with its libraries.
ours() {
  limited env LD_LIBRARY_PATH="$library_path" "$root/bin/$1" "${@:2}"
}
cannot() { # REASON
  note=$1
  return "$not_run"
}

# run_tests PROGRAM FILTER [COMMAND...]: no test at all is a failure too. Notes how many passed.
run_tests() {
  local program=$1 filter=$2 line status passed=0 skipped=0 red=
  [ -x "bin/$program" ] || { cannot "bin/$program is not in the archive"; return; }
  limited env LD_LIBRARY_PATH="$library_path" "${@:3}" "$root/bin/$program" "--gtest_filter=$filter" \
    >"$results/$part.tests" 2>&1
  status=$?
  while IFS= read -r line; do
    [[ $line =~ ^\[\ \ PASSED\ \ \]\ ([0-9]+)\ test ]] && passed=${BASH_REMATCH[1]}
    [[ $line =~ ^\[\ \ SKIPPED\ \]\ ([0-9]+)\ test ]] && skipped=${BASH_REMATCH[1]}
    [[ $line =~ ^\[\ \ FAILED\ \ \]\ ([A-Z].*\.[^ ,]*)(,|$) ]] && red+=" ${BASH_REMATCH[1]}"
  done <"$results/$part.tests"
  note="$passed passed"
  [ "$skipped" -eq 0 ] || note+=", $skipped skipped"
  [ -z "$red" ] || note+=", failed:$red"
  [ "$status" -eq 0 ] || { note+=", exit status $status: $(tail -n 1 "$results/$part.tests")"; return "$status"; }
  [ "$passed" -gt 0 ]
}

# train NAME ARGUMENT...: the tiny configuration on the GPU, into the run folder NAME.
train() {
  ours train configs/tiny.yaml --device cuda --seed 1 --out "$work/$1" "${run_sizes[@]}" "${@:2}"
}
# same RUN RUN: equal metrics to the last digit.
same() {
  local file
  for file in "$1" "$2"; do
    [ -s "$work/$file/metrics.csv" ] || { note="the run '$file' left no metrics" && return 1; }
    cp "$work/$file/metrics.csv" "$results/$file.csv"
  done
  [ "$(<"$results/$1.csv")" = "$(<"$results/$2.csv")" ] || { note="'$1' and '$2' differ" && return 1; }
}

part_first_light() {
  local line
  train first_light --stop-after 1 >"$results/first_light.out" 2>&1
  local status=$?
  note=$(tail -n 1 "$results/first_light.out")
  [ "$status" -eq 0 ] || return "$status"
  while IFS= read -r line; do
    [[ $line != *'device: '* ]] || note=${line##*device: }
  done <"$results/first_light.out"
}
part_device_tests() { run_tests frost_cuda_tests 'CudaDevice*'; }
part_op_table() { run_tests frost_tests "$op_filter"; }
part_same_rollout() { run_tests frost_tests 'SameRollout*'; }
part_networks() { run_tests frost_tests "$network_filter"; }
part_gradients() { run_tests frost_tests "$gradient_filter"; }
part_same_seed() {
  train once --stop-after "$updates" && train twice --stop-after "$updates" && same once twice &&
    note="$updates updates to equal bits"
}
part_graphs() {
  local graphs cartpole=(configs/reference/cartpole.yaml --device cuda --set algorithm.total_steps=1024)
  train recorded --stop-after "$updates" --set system.cuda_graphs=true || return
  for graphs in false true; do
    ours train "${cartpole[@]}" --set "system.cuda_graphs=$graphs" --out "$work/cartpole_$graphs" || return
  done
  same cartpole_false cartpole_true && note="colonies run, cartpole to equal bits"
}
part_resume() {
  [ -s "$results/once.csv" ] || { cannot "no finished run to compare with"; return; }
  train resumed --stop-after 1 --set trainer.checkpoint_every=1 &&
    ours train configs/tiny.yaml --device cuda --resume "$work/resumed" --stop-after "$updates" \
      "${run_sizes[@]}" --seed 1 --set trainer.checkpoint_every=1 &&
    same once resumed && note="to equal bits"
}
part_precisions() {
  local precision
  for precision in tf32 bf16; do
    train "$precision" --stop-after 1 --set "system.precision=$precision" || return
  done
  note="an update in tf32 and bf16"
}
part_freezing() {
  ours verify_freezing configs/tiny.yaml --device cuda "${run_sizes[@]}" "${proof_sizes[@]}" \
    --quiet --json "$results/verify_freezing.json" && note="all claims hold"
}

# bench NAME ARGUMENT...: bench_freeze; notes learned transitions per second of each case.
bench() {
  local status line rates='' weights=()
  [ -f weights/resnet18.safetensors ] || weights=(--set actor_critic.pretrained_weights=random)
  ours bench_freeze --device cuda "${bench_sizes[@]}" "${weights[@]}" "${@:2}" \
    --json "$results/$1.json" >"$results/$1.out" 2>&1
  status=$?
  while IFS= read -r line; do
    [[ $line =~ ^1/[0-9]+\ ([a-z]+)\ ([a-z]+).*,\ +([0-9.]+)\ learning ]] &&
      rates+="${BASH_REMATCH[1]} ${BASH_REMATCH[2]} ${BASH_REMATCH[3]}, "
  done <"$results/$1.out"
  [ -z "$rates" ] || note="steps/s learning: ${rates%, }"
  [ "$status" -eq 0 ] || note="$(tail -n 1 "$results/$1.out")${note:+; $note}"
  return "$status"
}
part_bench_fp32() { bench bench_fp32; }
part_bench_fp32_graphs() { bench bench_fp32_graphs --graphs; }
part_bench_bf16() { bench bench_bf16 --set system.precision=bf16; }
part_bench_bf16_graphs() { bench bench_bf16_graphs --set system.precision=bf16 --graphs; }

sanitize() { # TOOL
  local own=()
  command -v compute-sanitizer >/dev/null || { cannot "no compute-sanitizer"; return; }
  # Our kernels are those of the namespace frost.
  [[ $(timeout -k 1 10 compute-sanitizer --help) != *--kernel-name* ]] || own=(--kernel-name kns=frost)
  run_tests frost_tests 'Ops/OpParity*' compute-sanitizer --tool "$1" --error-exitcode 9 "${own[@]}"
}
part_memcheck() { sanitize memcheck; }
part_racecheck() { sanitize racecheck; }

part_bench_ops() {
  [ -x bin/bench_ops ] || { cannot "bin/bench_ops is not in the archive"; return; }
  ours bench_ops '--benchmark_filter=^workload/cuda' "--benchmark_out=$results/bench_ops.json" \
    --benchmark_out_format=json
}

# A PyTorch with its own libraries beside our program with ours, case by case under the time left.
part_pytorch() {
  local python observation mode line found=
  for python in "${pythons[@]}"; do
    limited env -u LD_LIBRARY_PATH "$python" -c \
      'import torch, safetensors; assert torch.cuda.is_available()' 2>/dev/null && found=$python && break
  done
  [ -n "$found" ] || { cannot "no PyTorch with CUDA and safetensors"; return; }
  [ -f bench/compare.py ] || { cannot "bench/ is not in the archive"; return; }
  [ -f weights/resnet18.safetensors ] || { cannot "no weights in the archive"; return; }
  printf '#!/usr/bin/env bash\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$library_path" \
    "$root/bin/bench_freeze" >"$work/bench_freeze"
  chmod +x "$work/bench_freeze"
  note="steps/s:"
  for mode in all none; do
    for observation in graph image; do
      limited env -u LD_LIBRARY_PATH "$found" bench/compare.py --device cuda --precision bf16 \
        --threads "$(nproc)" --repetitions 1 --modes "$mode" --observation "$observation" \
        --forms folded,compiled --frostline "$work/bench_freeze" \
        --json "$results/pytorch_${observation}_$mode.json" >"$work/compare" 2>&1
      local status=$?
      while IFS= read -r line; do
        echo "$line"
        [[ ! $line =~ ^1/1\ [a-z]+\ [a-z]+:\ (.*)\ steps ]] ||
          note+=" $observation $mode ${BASH_REMATCH[1]};"
      done <"$work/compare"
      # What fits into the time left is worth having.
      [[ $status -ne 124 || $note != *';'* ]] || { note+=" then no time left" && return "$not_run"; }
      [ "$status" -eq 0 ] || return "$status"
    done
  done
}

failed=0 incomplete=0
add_row() { # NAME OUTCOME SECONDS NOTE
  local row
  printf -v row '%-18s %-8s %4s s  %.150s' "$1" "$2" "$3" "$4"
  table+=("${row%"${row##*[! ]}"}")
  echo "$row"
}

# Runs one part and books its outcome.
run_part() { # NAME LIMIT
  local begin=$SECONDS status outcome=passed left=$((budget - SECONDS)) limit=$(($2 * slowness))
  part=$1 note=
  [ $left -ge 5 ] || { incomplete=1 && add_row "$part" "not run" 0 "no time left" && return; }
  part_end=$((SECONDS + (left < limit ? left : limit)))
  "part_$part" >"$results/$part.log" 2>&1
  status=$?
  case $status in
    0) ;;
    "$not_run") outcome="not run" ;;
    124)
      outcome=FAILED note="took longer than $((SECONDS - begin)) s${note:+; $note}"
      [ $left -ge $limit ] || outcome="not run" note="no time left to finish${note:+; $note}" ;;
    137) outcome=FAILED note="killed, perhaps for want of memory${note:+; $note}" ;;
    *) outcome=FAILED note=${note:-$(tail -n 1 "$results/$part.log")} ;;
  esac
  [ "$outcome" != FAILED ] || failed=1
  [ "$outcome" = passed ] || { [ -n "$module" ] && [ $status -eq "$not_run" ]; } || incomplete=1
  add_row "$part" "$outcome" $((SECONDS - begin)) "$note"
  # Without a first light nothing else can shine: the module is refused, or the GPU hangs.
  [ "$part$outcome" != first_lightFAILED ] || [[ $note != *'cannot be used'* && $status -ne 124 ]]
}

find_gpu
find_libraries
export FROST_TEST_ROOT=$root FROST_REQUIRE_DEVICES=cuda
[ -z "$module" ] || export FROST_CUDA_MODULE=$module
{ echo "gpu: $gpu" && echo "commit: $(<COMMIT)" && uname -a && echo "libraries: $library_path"; } \
  >"$results/machine.txt"
for ((i = 0; i < ${#parts[@]}; i += 2)); do
  run_part "${parts[i]}" "${parts[i + 1]}" || { table+=("stopped: going on is pointless") && break; }
done

printf '\n%s\n' "commit $(<COMMIT), $gpu, $SECONDS s, $out/results.tar.xz"
printf '%s\n' "${table[@]}"
[ $failed -eq 0 ] || exit 1
[ $incomplete -eq 0 ] || exit 3
