#!/usr/bin/env bash
# Trains every freeze mode of a study over its seeds, evaluates each run and the baselines on the same
# held-out episodes, and collects tables and curves. Stopped at any point, it goes on where it was.
# usage: tools/scripts/study.sh CONFIG [OUT] [JOBS]
#        OUT: default runs/<name of CONFIG>
#        JOBS: trainings at a time, one thread each; default: one per core, with a GPU one
set -euo pipefail
. "$(dirname "$0")/help.sh"
cd "$(dirname "$0")/../.."

# One line of `bin/study CONFIG`: KIND EPISODES SEED NAME ARGUMENTS...
step() {
  local kind=$1 held_out=(--episodes "$2" --seed "$3") name=$4
  shift 4
  "$kind" "$@"
}

baseline() { # POLICY SETTINGS...
  local file=$out/baselines/$name.csv policy=$1
  shift
  [ -e "$file" ] && return
  bin/evaluate --policy "$policy" "$config" "${held_out[@]}" --csv "$file" "$@" >/dev/null
}

run() { # SETTINGS...
  local run=$out/$name
  [ -e "$run/held_out.csv" ] && return
  if [ -e "$run/config.yaml" ]; then
    bin/train "$config" --resume "$run" --quiet "$@"
  else
    bin/train "$config" --out "$run" --quiet "$@"
  fi
  bin/evaluate "$run" --checkpoint last --sampled --deterministic "${held_out[@]}" \
    --csv "$run/held_out.csv" >"$run/held_out.txt"
  echo "$(date +%H:%M:%S) $name"
}

prepare() {
  . tools/scripts/packages.sh
  frost_build study train evaluate
  mkdir -p "$out/baselines"
  # Runs of two configurations in one folder would be compared as one.
  if ! [ -e "$out/study.yaml" ]; then
    cp "$config" "$out/study.yaml"
  elif ! cmp -s "$config" "$out/study.yaml"; then
    echo "error: $out holds a study of another configuration: name another folder" >&2
    exit 2
  fi
}

if [ "${1:-}" = --step ]; then # for the processes that xargs starts
  out=$2 config=$2/study.yaml threads=$3
  shift 3
  step "$@" --threads "$threads"
  exit
fi
if [ $# -lt 1 ] || [ $# -gt 3 ]; then
  sed -n 's/^# usage: /usage: /p' "$0" >&2
  exit 2
fi
config=$1 out=${2:-runs/$(basename "$1" .yaml)} jobs=${3:-}
if [ -z "$jobs" ]; then
  jobs=$(nproc)
  ! command -v nvidia-smi >/dev/null || jobs=1
fi
threads=$([ "$jobs" = 1 ] && echo 0 || echo 1)
prepare
bin/study "$config" >"$out/plan.txt"
xargs -P "$jobs" -L 1 tools/scripts/study.sh --step "$out" "$threads" <"$out/plan.txt"
bin/study "$config" --report "$out"
