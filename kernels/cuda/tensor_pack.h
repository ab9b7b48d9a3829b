#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/families/optimizer.h"

namespace frost::cuda {

/// What one block of a launch over many tensors works on: elements begin .. end of one tensor.
struct PackedRange {
  std::int32_t tensor;
  std::int64_t begin, end;
};

/// As many tensors as the arguments of one kernel hold (4 KiB): no copy to the device, and nothing
/// that could change under a captured graph.
struct TensorPack {
  static constexpr std::int32_t kMost = 72;
  /// Elements of one block: enough work to be worth a block, few enough that all multiprocessors
  /// get some.
  static constexpr std::int64_t kPerBlock = 8192;

  std::int32_t count = 0;
  std::int32_t first_block[kMost + 1] = {};  ///< of each tensor; the last entry: of none
  OptimizerTensor tensors[kMost];

  FROST_HOST_DEVICE std::int32_t blocks() const { return first_block[count]; }

  /// Of all tensors.
  std::int64_t elements() const {
    std::int64_t sum = 0;
    for (std::int32_t i = 0; i < count; ++i) sum += tensors[i].n;
    return sum;
  }

  /// The tensor whose blocks hold `block`, by bisection.
  FROST_HOST_DEVICE PackedRange range(std::int32_t block) const {
    std::int32_t low = 0, high = count;
    while (high - low > 1) {
      const std::int32_t middle = (low + high) / 2;
      (first_block[middle] <= block ? low : high) = middle;
    }
    const std::int64_t begin = (block - first_block[low]) * kPerBlock;
    const std::int64_t end = begin + kPerBlock;
    return {low, begin, end < tensors[low].n ? end : tensors[low].n};
  }
};
static_assert(sizeof(TensorPack) <= 4096 - 64, "leaves no room for the other arguments");

/// Packs that hold all tensors in order; those without elements have no block.
inline std::vector<TensorPack> make_packs(std::span<const OptimizerTensor> tensors) {
  std::vector<TensorPack> packs;
  for (const OptimizerTensor& t : tensors) {
    if (packs.empty() || packs.back().count == TensorPack::kMost) packs.emplace_back();
    TensorPack& pack = packs.back();
    const std::int64_t blocks = (t.n + TensorPack::kPerBlock - 1) / TensorPack::kPerBlock;
    pack.tensors[pack.count] = t;
    pack.first_block[pack.count + 1] = pack.blocks() + static_cast<std::int32_t>(blocks);
    ++pack.count;
  }
  return packs;
}

}  // namespace frost::cuda
