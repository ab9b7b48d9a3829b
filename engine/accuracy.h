#pragma once

#include "engine/tensor.h"

namespace frost {

/// The share of rows whose largest logit is at the label; the first of equal ones counts.
///
/// logits [n,c], labels int32 [n]. Throws Error for other shapes or types, and for n = 0.
double accuracy(const Tensor& logits, const Tensor& labels);

}  // namespace frost
