#include "models/policies/policy_network.h"

namespace frost {

Tensor uniform_row_offsets(Backend& backend, std::int64_t states, std::int64_t rows) {
  std::vector<std::int32_t> offsets;
  for (std::int64_t s = 0; s <= states; ++s) {
    offsets.push_back(static_cast<std::int32_t>(s * rows));
  }
  return Tensor::from_host(backend, std::span<const std::int32_t>(offsets));
}

StateBatch make_feature_batch(const Tensor& features, std::int64_t rows) {
  StateBatch batch;
  batch.states = features.dim(0);
  batch.features = features;
  batch.row_offsets = uniform_row_offsets(features.backend(), batch.states, rows);
  return batch;
}

}  // namespace frost
