#pragma once

#include "kernels/backend.h"

namespace frost {

/// Convolutions of images with one channel (a stem): rows of pixels times the taps, on images
/// padded in scratch. k must be a multiple of 16, but not for the data gradient.
void single_channel_forward(Backend& backend, const Conv2dShape& shape, const float* x,
                            const float* weight, const float* bias, const float* residual,
                            bool relu, float* y);
void single_channel_backward_weight(Backend& backend, const Conv2dShape& shape, const float* x,
                                    const float* dy, GradOut dweight);
void single_channel_backward_data(Backend& backend, const Conv2dShape& shape, const float* dy,
                                  const float* weight, GradOut dx);

}  // namespace frost
