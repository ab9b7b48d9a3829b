#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "rl/communicator/communicator.h"

namespace frost {

/// Adds vectors in the order in which they come: the first two, the next two, then both sums, and
/// so on, as a tree whose leaves are given from left to right.
template <class T>
class TreeSum {
 public:
  void add(std::vector<T> leaf) {
    std::size_t leaves = 1;
    while (!nodes_.empty() && nodes_.back().first == leaves) {
      const std::vector<T>& left = nodes_.back().second;
      for (std::size_t i = 0; i < leaf.size(); ++i) leaf[i] = left[i] + leaf[i];
      nodes_.pop_back();
      leaves *= 2;
    }
    nodes_.emplace_back(leaves, std::move(leaf));
  }
  /// The sum of the leaves, whose number is a power of two.
  std::vector<T> take() {
    std::vector<T> sum = std::move(nodes_.back().second);
    nodes_.clear();
    return sum;
  }

 private:
  std::vector<std::pair<std::size_t, std::vector<T>>> nodes_;  ///< leaves below it, sum
};

/// The environments of a run in equal shards, of which every process has an equal, contiguous
/// share.
///
/// Whatever is summed over environments is summed within shards and then over a binary tree of
/// shards, so that the bits depend on their number alone and not on the number of processes.
class Shards {
 public:
  /// `total` shards in all processes of the communicator, which must outlive this object. Throws
  /// UsageError unless it is a power of two and there are no more processes.
  explicit Shards(int total = 1, Communicator& communicator = alone());

  /// Throws UsageError unless environments and minibatches can be cut into equal shards.
  void require_divides(int environments, int minibatch_size) const;

  Communicator& communicator() const { return *communicator_; }
  int total() const { return total_; }
  /// Of this process.
  int count() const { return total_ / communicator_->size(); }

  /// How many items all processes have where this one has `n`.
  std::size_t overall(std::size_t n) const {
    return n * static_cast<std::size_t>(communicator_->size());
  }
  /// The items of the `shard`-th own shard, where this process has `n` items: [begin, end).
  std::pair<std::size_t, std::size_t> range(int shard, std::size_t n) const;

  /// The sum over all shards of what `of` gives for the `shard`-th own one.
  std::vector<double> sum(const std::function<std::vector<double>(int shard)>& of) const;
  /// The sum over all processes' items of `term(i)`, where this process has `n`.
  template <class Term>
  double sum_items(std::size_t n, const Term& term) const {
    return sum([&](int shard) {
      const auto [begin, end] = range(shard, n);
      double sum = 0;
      for (std::size_t i = begin; i < end; ++i) sum += term(i);
      return std::vector<double>{sum};
    })[0];
  }

 private:
  int total_;
  Communicator* communicator_;
};

}  // namespace frost
