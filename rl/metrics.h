#pragma once

#include <string>
#include <utility>
#include <vector>

namespace frost {

/// Named values of one update, in the order they were added. Names are the field's:
/// `charts/...`, `losses/...`, `grad_norm/<group>`, `lr/<group>`, `reward/<component>`. The names
/// are the same in every update; NaN is the value of what had no sample, such as the mean return
/// where no episode ended.
class Metrics {
 public:
  void add(std::string name, double value) { values_.emplace_back(std::move(name), value); }
  /// Throws Error for a name that was not added.
  double at(const std::string& name) const;
  const std::vector<std::pair<std::string, double>>& values() const { return values_; }

 private:
  std::vector<std::pair<std::string, double>> values_;
};

/// The middle value, or the mean of the two in the middle; NaN of nothing.
double median(std::vector<double> values);

}  // namespace frost
