#!/usr/bin/env bash
# Installs a build into a scratch folder, builds the examples against it from outside, with the
# consumer's own -Wall as the only flag, and runs them.
# usage: tests/house/examples_test.sh BUILD_FOLDER [--subdirectory]
#   --subdirectory: the source tree as a part of the consumer's own build in place of the installation
set -euo pipefail
usage="usage: tests/house/examples_test.sh BUILD_FOLDER [--subdirectory]"
build=$(cd "${1:?$usage}" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { # MESSAGE
  echo "FAILED: $1" >&2
  exit 1
}

# Headers of a package are system headers otherwise, whose warnings nobody sees.
options=(-D "CMAKE_PREFIX_PATH=$work/prefix" -D CMAKE_BUILD_TYPE=Release
         -D CMAKE_NO_SYSTEM_FROM_IMPORTED=ON)
cmake --install "$build" --prefix "$work/prefix" >/dev/null
[ "${2:-}" != --subdirectory ] || options=(-D "FROSTLINE_SOURCE=$root" -D FROST_CUDA=OFF)
cp -r "$root/examples" "$work/examples"
cmake -S "$work/examples" -B "$work/build" "${options[@]}" >"$work/configure.log" 2>&1 ||
  { cat "$work/configure.log"; fail "the consumer does not configure"; }
cmake --build "$work/build" -j "$(nproc)" >"$work/build.log" 2>&1 ||
  { tail -40 "$work/build.log"; fail "the examples do not build"; }
! grep -n 'warning:' "$work/build.log" || fail "a header warns under -Wall"

"$work/build/own_op"
"$work/build/own_environment" | tee "$work/own.txt"
# The same environment as a plugin, with the settings of that program, does the same run.
printf '%s\n' "environment: {name: $work/build/libline.so}" \
  'algorithm: {total_updates: 30}' 'trainer: {rollout_steps: 512}' 'evaluation: {every: 0}' >"$work/line.yaml"
"$work/prefix/bin/train" "$work/line.yaml" --out "$work/line" --quiet
awk -F, 'NR == 1 {for (i = 1; i <= NF; ++i) if ($i == "charts/episodic_return") column = i}
         NR == 2 {first = $column}
         END {printf "mean return %.4f, after %d updates %.4f\n", first, NR - 1, $column}' \
  "$work/line/metrics.csv" >"$work/plugin.txt"
cmp "$work/own.txt" "$work/plugin.txt" || fail "train with the plugin is another run: $(cat "$work/plugin.txt")"

# The command of docs/environments.md, and what the programs make of the library.
"${CXX:-c++}" -std=c++20 -O2 -shared -fPIC -Wl,-Bsymbolic -I "$work/prefix/include" \
  -I "$work/prefix/include/frostline" -Wall -Werror "$work/examples/own_picture_environment.cpp" -o "$work/libcatch.so"
for library in "$work/libcatch.so" "$work/build/libcatch.so"; do
  printf '%s\n' "environment: {name: $library, options: {speed: 2}}" >"$work/catch.yaml"
  ! "$work/prefix/bin/train" "$work/catch.yaml" 2>"$work/catch.txt" || fail "an option that Catch lacks is taken"
  grep -q "Catch has no option 'speed'; it has reach$" "$work/catch.txt" || fail "$(cat "$work/catch.txt")"
done
"$work/prefix/bin/train" "$work/catch.yaml" --out "$work/catch" --quiet --stop-after 1 \
  --set environment.options={} --set actor_critic.pretrained_weights=random \
  --set trainer.rollout_steps=64

"$work/prefix/bin/train" "$root/configs/tiny.yaml" --out "$work/run" --quiet --stop-after 1 \
  --set actor_critic.pretrained_weights=random
"$work/build/act" "$work/run"

data=${FROST_DATA:-}
if [ -f "$data/weights/resnet18_imagenet.safetensors" ] && [ -d "$data/images" ]; then
  # WordNet's numbers: n00- n01- and n02 up to n0255 are animals in ImageNet's list.
  { echo file,label
    for picture in "$data"/images/n*.jpg; do
      name=$(basename "$picture")
      if [[ $name < n02600000 ]]; then echo "$name,animal"; else echo "$name,thing"; fi
    done; } >"$work/labels.csv"
  "$work/build/finetune_pictures" "$data/weights/resnet18_imagenet.safetensors" "$data/images" \
    "$work/labels.csv" | tee "$work/finetune.txt"
  awk '/right on unseen/ {if ($5 < 90) exit 1}' "$work/finetune.txt" ||
    fail "less than 90 % of the unseen pictures are right"
fi
echo "examples: built and run"
