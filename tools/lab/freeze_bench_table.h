#pragma once

#include <string>
#include <vector>

#include "tools/lab/counts/gpu_card.h"
#include "tools/lab/freeze_bench.h"

namespace frost {

/// The table for the eye; rates are medians, followed by their range.
std::string bench_table(const std::vector<BenchRow>& rows);
/// The same for programs, with what was counted.
std::string bench_json(const std::vector<BenchRow>& rows, const BenchWorkload& workload,
                       const std::string& device, const GpuCard& card = gpu_cards().front());
/// What the device was asked to do, where that was counted, beside the card's roofline.
std::string bench_counts(const std::vector<BenchRow>& rows, const GpuCard& card);

}  // namespace frost
