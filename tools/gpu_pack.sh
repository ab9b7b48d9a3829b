#!/usr/bin/env bash
# Packs what tools/gpu_check.sh runs on a machine that has a GPU and none of our packages: programs,
# tests and CUDA module as they were built, stripped, the libraries they need, the files they read,
# and ResNet18's weights in half precision where FROST_DATA or --weights has them.
# usage: tools/gpu_pack.sh [--small] [--build FOLDER] [--weights FILE] [ARCHIVE]
#   --small: only what a rehearsal on a double of the GPU runs, as it lies there (nothing is built),
#     hardly compressed
#   --build: default build/cuda, else build/release    ARCHIVE: default build/gpu_pack.tar.xz
# First: cmake --preset cuda. What is packed is brought up to date here.
# exit: 0 packed, 1 something is missing, of two builds, or the archive is over 45 MB
set -euo pipefail
. "$(dirname "$0")/scripts/help.sh"

fail() { # MESSAGE
  echo "error: $1" >&2
  exit 1
}

small='' build='' weights=${FROST_DATA:-}/weights/resnet18_imagenet.safetensors
if [ -f "$weights" ]; then weights=$(realpath "$weights"); else weights=; fi
archive=
while [ $# -gt 0 ]; do
  case $1 in
    --small) small=1 ;;
    --build) build=${2:?--build needs a folder} && build=$(realpath -m "$build") && shift ;;
    --weights) weights=${2:?--weights needs a file} && weights=$(realpath -m "$weights") && shift ;;
    -*) sed -n 's/^# usage: /usage: /p' "$0" >&2 && exit 1 ;;
    *) archive=$(realpath -m "$1") ;;
  esac
  shift
done
cd "$(dirname "$0")/.."
archive=${archive:-build/gpu_pack.tar.xz}
[ -n "$build" ] || { build=build/cuda && [ -d "$build" ]; } || build=build/release
[ -f "$build/CMakeCache.txt" ] || fail "$build is no build folder: cmake --preset cuda"
bin=$(sed -n 's/^FROST_BIN_DIR:[A-Z]*=//p' "$build/CMakeCache.txt")
[ -n "$bin" ] || fail "$build/CMakeCache.txt has no FROST_BIN_DIR"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/frostline
[ -n "$small" ] ||
  cmake --build "$build" --target train verify_freezing bench_freeze bench_ops frost_tests frost_cuda_tests \
    frost_cuda >"$work/build.log" 2>&1 || fail "cmake --build $build: $(tail -n 1 "$work/build.log")"

# What is copied: PROGRAM or LIBRARY, folder in the archive.
take() { # FILE FOLDER
  [ -f "$1" ] || fail "$1 is not built: cmake --build $build"
  install -D -m 755 "$1" "$root/$2/$(basename "$1")"
  strip -s "$root/$2/$(basename "$1")"
}

mkdir -p "$root/lib" "$root/weights" "$root/tests/golden"
take "$build/tests/frost_tests" bin
for program in train verify_freezing bench_freeze; do take "$bin/$program" bin; done
if [ -n "$small" ]; then
  # The device tests as the double runs them.
  device_tests=$build/gpu_double/frost_cuda_tests
  [ ! -f "$device_tests" ] || take "$device_tests" bin
else
  take "$bin/bench_ops" bin
  take "$build/frost_cuda_tests" bin
  take "$build/lib/libfrost_cuda.so" lib
  # A program refuses a module of another version, and would do so only on the other machine.
  version=$(grep -o -m 1 'FROST_INTERFACE_DIGEST=[\\"]*[0-9a-f]*' "$build/build.ninja" | grep -o '[0-9a-f]*$') ||
    fail "no FROST_INTERFACE_DIGEST in $build/build.ninja: cmake --preset cuda"
  for file in "$root"/bin/* "$root/lib/libfrost_cuda.so"; do
    grep -aq "$version" "$file" || fail "${file#"$root/"} is of another version than $build"
  done
  cp -r bench "$root/bench"
  rm -rf "$root/bench/results"
fi

# Libraries that the other machine has: libc's, the compiler's, CUDA's.
theirs='^(linux-vdso|ld-linux.*|lib(c|m|dl|rt|pthread|resolv|stdc[+][+]|gcc_s|cuda.*|cudnn.*|cublas.*|nv.*))[.]so'
find "$root/bin" "$root/lib" -type f -exec ldd {} + | awk -v theirs="$theirs" '
  $2 == "=>" && $1 !~ theirs { print $3 == "not" ? $1 " is missing" : $3 }' | sort -u >"$work/libraries"
while read -r library; do
  [[ $library == /* ]] || fail "the library $library on this machine"
  cp -L "$library" "$root/lib/"
done <"$work/libraries"

cp tests/golden/*.safetensors "$root/tests/golden/"
cp -r configs "$root/configs"
if [ -z "$small" ] && [ -n "$weights" ]; then
  [ -f "$weights" ] || fail "$weights is no file: --weights FILE"
  python3 tools/scripts/half_weights.py "$weights" "$root/weights/resnet18.safetensors"
fi
git describe --always --dirty --abbrev=12 >"$root/COMMIT" 2>/dev/null || echo unknown >"$root/COMMIT"

mkdir -p "$(dirname "$archive")"
XZ_OPT=${small:+-0}
export XZ_OPT="${XZ_OPT:--6} -T0"
tar -C "$work" -cJf "$archive" --owner=0 --group=0 frostline
size=$(stat -c %s "$archive")
echo "in the archive, unpacked, from 100 kB:"
(cd "$root" && find . -type f -size +99k -printf '%8k kB  %P\n' | sort -rn)
[ -n "$small" ] || [ -f "$root/weights/resnet18.safetensors" ] || echo "no weights: random ones will be used"
echo "$archive: $((size / 1000)) kB, commit $(cat "$root/COMMIT")"
[ "$size" -le 45000000 ] || fail "the archive has $size bytes, more than 45 MB"
