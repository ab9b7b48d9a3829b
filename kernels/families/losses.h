#pragma once

namespace frost {

/// Losses of supervised learning.
class LossKernels {
 public:
  virtual ~LossKernels() = default;
};

}  // namespace frost
