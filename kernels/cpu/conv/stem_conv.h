#pragma once

#include "kernels/backend.h"

namespace frost {

/// Convolutions of pictures, whose few channels would leave the loops over channels short: the taps
/// of a kernel row and their channels are adjacent in memory, and so make one longer loop over a
/// padded picture.
///
/// Takes up to 4 input channels and output channels in multiples of 16.
bool stem_fits(const Conv2dShape& shape);

/// y = conv(x, weight) + bias + residual, then ReLU; bias and residual are nullable.
void stem_forward(Backend& backend, const Conv2dShape& shape, const float* x, const float* weight,
                  const float* bias, const float* residual, bool relu, float* y);
void stem_backward_data(Backend& backend, const Conv2dShape& shape, const float* dy,
                        const float* weight, GradOut dx);
void stem_backward_weight(Backend& backend, const Conv2dShape& shape, const float* x,
                          const float* dy, GradOut dweight);

}  // namespace frost
