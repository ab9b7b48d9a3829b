#include "rl/metrics.h"

#include <algorithm>

#include "kernels/status.h"

namespace frost {

double Metrics::at(const std::string& name) const {
  const auto found = std::find_if(values_.begin(), values_.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (found == values_.end()) fail("metrics", "no metric is called '" + name + "'");
  return found->second;
}

}  // namespace frost
