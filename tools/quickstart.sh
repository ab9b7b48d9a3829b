#!/usr/bin/env bash
# Builds Frostline, finds ImageNet weights, trains configs/quickstart.yaml and evaluates the result.
# usage: tools/quickstart.sh [WEIGHTS]      any file that holds a ResNet18: .pth, .safetensors, ...
set -euo pipefail
. "$(dirname "$0")/scripts/help.sh"
if [ $# -gt 0 ]; then
  weights=$(realpath -e -- "$1") || exit 2
  set -- "$weights" "${@:2}"
fi
cd "$(dirname "$0")/.."
. tools/scripts/packages.sh

official_url=https://download.pytorch.org/models/resnet18-f37072fd.pth
official_sha256=f37072fd
blob=weights/resnet18.safetensors

# Downloads torchvision's file to $1, checks it and imports it.
import_official() {
  curl -fsSL --connect-timeout 10 --max-time 600 -o "$1" "$official_url" || return 1
  if [[ $(sha256sum "$1") != "$official_sha256"* ]]; then
    echo "error: the download is not the published file (sha256 does not begin with $official_sha256)" >&2
    return 1
  fi
  bin/import_weights "$1" -o "$blob" >/dev/null
}

# Puts the official weights under weights/; fails where there is no network.
download() {
  local file status=0
  file=$(mktemp)
  echo "no weights here: trying $official_url"
  import_official "$file" || status=1
  rm -f "$file"
  return "$status"
}

# Sets `weight_options` for the programs.
find_weights() {
  weight_options=()
  if [ $# -gt 0 ]; then
    weight_options=(--set "actor_critic.weights_path=$1")  # imported where it is read
  elif [ -f "$blob" ] || [ -f "${FROST_DATA:-}/weights/resnet18_imagenet.safetensors" ]; then
    return
  elif ! download; then
    echo "WARNING: no pretrained weights and no network: training goes on with RANDOM weights."
    weight_options=(--set actor_critic.pretrained_weights=random)
  fi
}

run=runs/quickstart
[ $# -le 1 ] || { echo "usage: tools/quickstart.sh [WEIGHTS]" >&2; exit 2; }
frost_build train evaluate import_weights
find_weights "$@"
# A second run starts over; the earlier one is kept under a numbered name.
if [ -e "$run" ]; then
  n=1
  while [ -e "$run.$n" ]; do n=$((n + 1)); done
  mv "$run" "$run.$n"
fi
bin/train configs/quickstart.yaml --out "$run" "${weight_options[@]}"
echo
echo "== evaluation, 50 held-out episodes =="
bin/evaluate "$run" --episodes 50 --seed 777
for policy in random half_delete; do
  bin/evaluate --policy "$policy" configs/quickstart.yaml --episodes 50 --seed 777 "${weight_options[@]}"
done
echo
echo "results: $run (metrics.csv, evaluations.csv, episodes.csv, run.log, checkpoints/)"
