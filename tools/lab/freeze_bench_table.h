#pragma once

#include <string>
#include <vector>

#include "tools/lab/freeze_bench.h"

namespace frost {

/// The table for the eye; rates are medians, followed by their range.
std::string bench_table(const std::vector<BenchRow>& rows);
/// The same for programs.
std::string bench_json(const std::vector<BenchRow>& rows, const BenchWorkload& workload,
                       const std::string& device);

}  // namespace frost
