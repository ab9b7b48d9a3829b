#include "rl/metrics.h"

#include <algorithm>
#include <limits>

#include "kernels/errors.h"

namespace frost {

double Metrics::at(const std::string& name) const {
  const auto found = std::find_if(values_.begin(), values_.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (found == values_.end()) fail("metrics", "no metric is called '" + name + "'");
  return found->second;
}

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

}  // namespace frost
