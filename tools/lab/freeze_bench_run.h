#pragma once

#include <string>
#include <vector>

#include "tools/config/common_options.h"
#include "tools/lab/bench_workload.h"

namespace frost {

struct BenchOptions {
  std::string config, observation = "both", json, html, record;
  std::vector<std::string> modes, plain;
  std::string card = "h100";  ///< whose roofline stands beside the counts
  bool count = false;
  BenchWorkload workload;
  CommonOptions common;
};

/// Measures what the options ask for, prints the table and writes the files. Returns the exit
/// status.
int bench(const BenchOptions& options);

}  // namespace frost
