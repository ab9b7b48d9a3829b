#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "kernels/compute_options.h"
#include "kernels/memory_ledger.h"
#include "kernels/out_of_memory.h"

// What is said when the GPU cannot be used or is full. Needs no CUDA header.
namespace frost::cuda {

/// Below this much free GPU memory the backend is not used: its workspace, the libraries' own
/// memory and the smallest training run.
inline constexpr std::size_t kLeastFreeBytes = std::size_t{1} << 30;

inline std::string mebibytes(std::size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / (1 << 20));
  return text;
}

/// What was found out about driver and device. Versions as CUDA counts: 13000 is 13.0.
struct DeviceProbe {
  int driver_version = 0;   ///< highest CUDA version of the driver; 0: no driver
  int runtime_version = 0;  ///< of this build
  int devices = 0;
  std::string error;  ///< what CUDA answered, where it answered with an error
  std::string name;
  int major = 0, minor = 0;  ///< compute capability
  bool has_kernels = false;  ///< this build holds code for it
  bool has_pools = false;    ///< stream-ordered allocation
  std::size_t free_bytes = 0, total_bytes = 0;
};

inline std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// Why the device cannot be used, in one line; empty if it can.
inline std::string device_problem(const DeviceProbe& p) {
  if (p.driver_version == 0) return "no NVIDIA driver is installed";
  if (p.driver_version / 1000 < p.runtime_version / 1000) {
    return "the NVIDIA driver is too old: it supports CUDA " + version_text(p.driver_version) +
           ", this build needs " + version_text(p.runtime_version);
  }
  if (p.devices == 0) {
    return "no GPU is visible" + (p.error.empty() ? std::string() : " (" + p.error + ")");
  }
  if (!p.error.empty()) return "the GPU does not answer: " + p.error;
  const std::string capability = std::to_string(p.major) + "." + std::to_string(p.minor);
  if (!p.has_kernels) {
    return "this build holds no code for " + p.name + " (compute capability " + capability +
           "): rebuild with FROST_CUDA_ARCHITECTURES=" + std::to_string(p.major) +
           std::to_string(p.minor);
  }
  if (!p.has_pools) return p.name + " offers no stream-ordered allocation";
  if (p.free_bytes < kLeastFreeBytes) {
    return "too little GPU memory: " + mebibytes(p.free_bytes) + " of " + mebibytes(p.total_bytes) +
           " are free, " + mebibytes(kLeastFreeBytes) + " are needed";
  }
  return "";
}

/// Why the device cannot compute in a precision, in one line; empty if it can.
inline std::string precision_problem(MathMode math, const DeviceProbe& p) {
  if (math != MathMode::kBf16 || p.major >= 8) return "";
  return "precision bf16 needs a GPU of compute capability 8.0, " + p.name + " has " +
         std::to_string(p.major) + "." + std::to_string(p.minor) + ": use fp32";
}

/// The error of an allocation that failed: what was asked, what is free, who holds the rest.
inline OutOfMemoryError out_of_device_memory(std::size_t asked, std::size_t free_bytes,
                                             std::size_t total_bytes,
                                             const MemoryLedger::Bytes& bytes) {
  const auto mib = [](std::size_t n) { return static_cast<double>(n) / (1 << 20); };
  char line[160];
  std::snprintf(line, sizeof line,
                "[cuda] out of GPU memory: %.1f MiB asked for, %.1f MiB of %.1f MiB free",
                mib(asked), mib(free_bytes), mib(total_bytes));
  return {line, bytes};
}

}  // namespace frost::cuda
