#pragma once

#include <cstdint>
#include <vector>

#include "kernels/families/convolution.h"

namespace frost {

/// One convolution of the op table.
struct ConvSpec {
  std::int64_t n, side, c, k, kernel, stride;
  bool residual = false, relu = true;
  std::int64_t width = 0;       ///< of the map; 0: square
  std::int64_t x_channels = 0;  ///< 0: c
};

inline Conv2dShape shape_of(const ConvSpec& s) {
  return {s.n,      s.side,      s.width == 0 ? s.side : s.width, s.c, s.k, s.kernel, s.kernel,
          s.stride, s.kernel / 2};
}

/// All convolutions of the op table, which are also planned for a GPU that is only described.
inline std::vector<ConvSpec> conv_specs() {
  std::vector<ConvSpec> specs = {
      // n, side, c, k, kernel, stride, residual, relu, width, x_channels
      {.n = 2, .side = 5, .c = 3, .k = 7, .kernel = 1, .stride = 1, .relu = false, .width = 4},
      {.n = 3, .side = 5, .c = 8, .k = 16, .kernel = 1, .stride = 2, .relu = false},
      {.n = 1, .side = 3, .c = 16, .k = 32, .kernel = 1, .stride = 2, .relu = false},
      {.n = 2, .side = 1, .c = 16, .k = 8, .kernel = 1, .stride = 1},
      {.n = 1, .side = 5, .c = 3, .k = 5, .kernel = 3, .stride = 1, .width = 7},
      {.n = 2, .side = 6, .c = 16, .k = 16, .kernel = 3, .stride = 1},
      {.n = 2, .side = 6, .c = 16, .k = 16, .kernel = 3, .stride = 1, .residual = true},
      {.n = 2,
       .side = 6,
       .c = 4,
       .k = 6,
       .kernel = 3,
       .stride = 1,
       .residual = true,
       .relu = false},
      {.n = 2, .side = 6, .c = 4, .k = 6, .kernel = 3, .stride = 1, .relu = false},
      {.n = 2, .side = 7, .c = 16, .k = 8, .kernel = 3, .stride = 2, .width = 6},
      {.n = 2, .side = 6, .c = 8, .k = 16, .kernel = 3, .stride = 2, .residual = true},
      {.n = 1, .side = 24, .c = 3, .k = 8, .kernel = 7, .stride = 2},
      {.n = 1, .side = 24, .c = 3, .k = 8, .kernel = 7, .stride = 2, .x_channels = 1},
      {.n = 2,
       .side = 11,
       .c = 3,
       .k = 5,
       .kernel = 7,
       .stride = 2,
       .relu = false,
       .x_channels = 1},
      {.n = 1, .side = 24, .c = 1, .k = 8, .kernel = 7, .stride = 2},
      {.n = 1, .side = 9, .c = 1, .k = 4, .kernel = 3, .stride = 1, .residual = true},
      {.n = 2, .side = 5, .c = 3, .k = 8, .kernel = 7, .stride = 2},
      {.n = 2, .side = 2, .c = 3, .k = 8, .kernel = 3, .stride = 1, .x_channels = 1},
  };
  // Maps below the kernel's reach, where taps meet padding only.
  for (const std::int64_t side : {1, 2, 3, 4}) {
    for (const std::int64_t stride : {1, 2}) {
      specs.push_back({3, side, 8, 16, 3, stride});
      specs.push_back({5, side, 16, 16, 3, stride, true});
    }
  }
  specs.push_back({33, 2, 5, 7, 3, 1, true, true, 3});
  // Short correlations: tiles beyond the map's edge, panels of less than 64 channels, shared
  // panels.
  for (const std::int64_t side : {3, 4, 7, 8, 10}) {
    specs.push_back({2, side, 16, 48, 3, 1, true, true, side == 4 ? 9 : side});
  }
  specs.push_back({3, 5, 80, 80, 3, 1});
  specs.push_back({2, 3, 256, 256, 3, 1, true});
  // One product per tap, with as many images as rows as it takes; the stem's rows of pixels.
  specs.push_back({17, 5, 16, 80, 3, 2, true});
  specs.push_back({16, 6, 16, 16, 1, 2, false, false});
  specs.push_back({.n = 3, .side = 9, .c = 1, .k = 80, .kernel = 7, .stride = 2});
  specs.push_back({.n = 2,
                   .side = 11,
                   .c = 3,
                   .k = 16,
                   .kernel = 5,
                   .stride = 2,
                   .residual = true,
                   .x_channels = 1});
  // ResNet18 on 24x24 images: stage inputs, downsampling and last blocks.
  specs.push_back({2, 6, 64, 128, 3, 2});
  specs.push_back({2, 3, 128, 256, 3, 2});
  specs.push_back({2, 2, 256, 256, 3, 1, true});
  specs.push_back({2, 2, 256, 512, 3, 2});
  specs.push_back({2, 1, 512, 512, 3, 1, true});
  return specs;
}

}  // namespace frost
