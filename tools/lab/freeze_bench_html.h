#pragma once

#include <string>
#include <vector>

#include "tools/lab/freeze_bench.h"

namespace frost {

/// The rows as a page of its own, with bars.
std::string bench_html(const std::vector<BenchRow>& rows, const BenchWorkload& workload,
                       const std::string& device);

}  // namespace frost
