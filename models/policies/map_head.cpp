#include "models/policies/map_head.h"

namespace frost {

MapHead::MapHead(Backend& backend, std::int64_t channels) : linear(backend, channels, kChannels) {
  register_module("conv", linear);
}

Tensor MapHead::operator()(const Tensor& map) const {
  const std::int64_t places = map.dim(1) * map.dim(2);
  const Tensor rows = map.reshape({map.dim(0) * places, map.dim(3)});
  return gelu(linear(rows)).reshape({map.dim(0), places * kChannels});
}

}  // namespace frost
