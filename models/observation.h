#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "models/graph_observation.h"

namespace frost {

/// A one-channel picture, [side, side] row by row, 0 to 255.
struct ImageObservation {
  std::vector<std::uint8_t> pixels;
};

/// A fixed number of features.
struct VectorObservation {
  std::vector<float> values;
};

/// What a policy is given of one state.
using Observation = std::variant<GraphObservation, ImageObservation, VectorObservation>;

}  // namespace frost
