#include "rl/communicator/gradient_sum.h"

namespace frost {

void sum_gradients(Adam& optimizer, const Shards& shards,
                   const std::function<void(int shard)>& backward_of) {
  const auto gradients_of = [&](int shard) {
    optimizer.zero_grad();
    backward_of(shard);
  };
  if (shards.total() == 1) return gradients_of(0);
  TreeSum<float> tree;
  for (int shard = 0; shard < shards.count(); ++shard) {
    gradients_of(shard);
    tree.add(optimizer.gradients());
  }
  std::vector<float> sum = tree.take();
  shards.communicator().sum(std::span(sum));
  optimizer.set_gradients(sum);
}

}  // namespace frost
