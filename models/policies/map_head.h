#pragma once

#include "engine/layers/layers.h"

namespace frost {

/// What makes a short vector of a map and keeps its places: a 1x1 convolution to 16 channels, GELU,
/// flattened; [n, h, w, c] -> [n, h * w * 16].
class MapHead : public Module {
 public:
  MapHead(Backend& backend, std::int64_t channels);
  Tensor operator()(const Tensor& map) const;

  static constexpr std::int64_t kChannels = 16;
  Linear linear;  ///< of every place
};

}  // namespace frost
