#pragma once

#include <string>
#include <vector>

#include "kernels/counts/device_counts.h"

namespace frost {

/// What a GPU can do at most, by its data sheet (docs/gpu-double.md).
struct GpuCard {
  const char* name;
  double bandwidth;         ///< of its memory, bytes per second
  double fp32, tf32, bf16;  ///< dense operations per second, two per multiplication
  double bus;               ///< to the host, bytes per second in one direction
};

/// What the host and the driver take, in seconds; alike on all cards, and no data sheet has them.
inline constexpr double kLaunchSeconds = 4e-6, kNodeSeconds = 1.3e-6, kWaitSeconds = 10e-6;

/// Every card there are figures of.
const std::vector<GpuCard>& gpu_cards();
std::vector<std::string> gpu_card_names();
/// Throws UsageError that lists the names.
const GpuCard& find_gpu_card(const std::string& name);

/// Where the time of counted work goes, in seconds, if nothing but the limits of a card held it up.
struct Roofline {
  double memory = 0;      ///< bytes at full bandwidth
  double arithmetic = 0;  ///< multiplications of the libraries at their peak
  double issue = 0;       ///< launches and nodes, while the device works
  double waiting = 0;     ///< waits and the bus, while it does not

  /// The greatest of the first three, which overlap, and the last.
  double total() const;
};
Roofline roofline(const DeviceCounts& counts, const GpuCard& card, const std::string& precision);

}  // namespace frost
