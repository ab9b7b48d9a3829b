#!/usr/bin/env bash
# Installs what is missing, builds everything, runs all tests and prints the ctest summary.
# usage: tools/test.sh [CTEST ARGUMENT...]      for example: tools/test.sh -R adam
set -euo pipefail
. "$(dirname "$0")/scripts/help.sh"
cd "$(dirname "$0")/.."
. tools/scripts/packages.sh

# Emulates an old processor (tests/house/old_cpu_test.sh).
[ "$(uname -m)" != x86_64 ] || frost_packages+=(qemu-user)
# Runs in several processes (docs/scaling.md).
frost_packages+=(libopenmpi-dev openmpi-bin)
frost_install_packages
# A stranger's compiler may warn of more than ours: only continuous integration stops at that.
cmake --preset release -DFROST_WERROR="${CI:+ON}" >/dev/null
cmake --build --preset release
cuda_tests=build/release/frost_cuda_tests
if [ -x "$cuda_tests" ]; then
  # ctest does not print why a test was skipped.
  "$cuda_tests" | awk '/: Skipped$/ {getline why} /SKIPPED.*ms\)/ {print "skipped:", $4 ":", why}'
fi
ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(nproc)" "$@"
