#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "kernels/backend.h"

namespace frost {

/// What a convolution costs with the kernel that its shape gets, the same on every level.
struct KernelWork {
  const char* algorithm;
  /// Of one forward pass, or of either gradient: fewer than one per tap where the kernel is a short
  /// correlation or leaves out what meets only padding. Transforms are not counted.
  std::int64_t multiplications;
};

/// The CPU kernels as compiled for one instruction level (cmake/cpu_levels.cmake): "baseline",
/// "avx2", "avx512" or "neon". All are in the program; what the CPU lacks is never called.
struct CpuLevel {
  const char* name;
  /// A new backend that computes at this level.
  Backend* (*create)();
  /// Multiplies and adds in registers for `rounds` rounds, and returns how many multiplications
  /// that were: what the level can reach at most, for benchmarks.
  std::int64_t (*multiply_adds)(std::int64_t rounds);
  KernelWork (*conv2d_work)(const Conv2dShape& shape);
};

/// The levels of this build that the CPU has, the fastest last. Never empty.
std::span<const CpuLevel* const> cpu_levels();

/// The level that FROST_ISA names, else the fastest. Throws UsageError for a name that is unknown
/// or that the CPU lacks.
const CpuLevel& chosen_cpu_level();
/// The same for a given name; an empty one asks for the fastest.
const CpuLevel& cpu_level(const std::string& name);

/// The one backend of the process for a level.
Backend& cpu_backend_at(const CpuLevel& level);

}  // namespace frost
