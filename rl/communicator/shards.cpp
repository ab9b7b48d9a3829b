#include "rl/communicator/shards.h"

#include <fmt/format.h>

#include <bit>

#include "kernels/errors.h"

namespace frost {

Shards::Shards(int total, Communicator& communicator)
    : total_(total), communicator_(&communicator) {
  if (total < 1 || !std::has_single_bit(static_cast<unsigned>(total))) {
    throw UsageError(
        fmt::format("trainer.shards is {}: set it to a power of two (1, 2, 4, ...)", total));
  }
  if (communicator.size() > total) {
    throw UsageError(fmt::format(
        "trainer.shards is {}, too few for {} processes: set it to {} or more (--set "
        "trainer.shards={}), the same for every number of processes that shall give the same bits",
        total, communicator.size(), communicator.size(), communicator.size()));
  }
}

void Shards::require_divides(int environments, int minibatch_size) const {
  if (environments % total_ == 0 && minibatch_size % total_ == 0) return;
  throw UsageError(fmt::format(
      "trainer.shards is {}: {} environments and minibatches of {} states cannot be cut into so "
      "many equal parts; set trainer.num_envs and trainer.minibatch_size to multiples of it",
      total_, environments, minibatch_size));
}

std::pair<std::size_t, std::size_t> Shards::range(int shard, std::size_t n) const {
  const auto s = static_cast<std::size_t>(shard), each = n / static_cast<std::size_t>(count());
  return {s * each, (s + 1) * each};
}

std::vector<double> Shards::sum(const std::function<std::vector<double>(int)>& of) const {
  TreeSum<double> tree;
  for (int shard = 0; shard < count(); ++shard) tree.add(of(shard));
  std::vector<double> sum = tree.take();
  communicator_->sum(std::span(sum));
  return sum;
}

}  // namespace frost
