#pragma once

#include <optional>
#include <string>

#include "engine/state_dict.h"

namespace frost {

/// Statistics over the finite values of a tensor, accumulated in double.
struct TensorStats {
  double min = 0, max = 0, mean = 0;
  double deviation = 0;         ///< population standard deviation
  std::int64_t non_finite = 0;  ///< NaN and infinities, left out of the rest
};

/// Nothing where the tensor has no finite value or a dtype without statistics.
std::optional<TensorStats> tensor_stats(const HostTensor& tensor, const std::string& name);

/// "64x3x7x7", or "scalar".
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace frost
