#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/families/convolution.h"

namespace frost {

/// A convolution of a network and how often it occurs in it.
struct ConvLayer {
  std::string name;
  Conv2dShape shape;
  int count;
};

/// The different convolutions of torchvision's ResNet 18, 34 or 50 on one-channel pictures of
/// pixels x pixels, and with count 0 the stem on three channels.
std::vector<ConvLayer> resnet_layers(int network, std::int64_t pixels, std::int64_t batch);

}  // namespace frost
