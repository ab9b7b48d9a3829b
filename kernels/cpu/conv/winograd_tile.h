#pragma once

#include <cstdint>

#include "kernels/cpu/simd.h"

namespace frost {

/// Where a tile lies on a map [h,w,channels] of one image: its first output pixel.
struct TileWindow {
  std::int64_t h, w, channels, y, x;
};

/// Where the products of a tile lie: number p begins at p * product, and its channel c is at
/// c / width * strip + c % width; `width` is a multiple of 16.
struct ProductLayout {
  std::int64_t product, width = kUnit, strip = kUnit;
};

/// Applied to each output after the inverse transform; the pointers are nullable and lie like y.
struct ConvEpilogue {
  const float* bias;
  const float* residual;
  bool relu;
};

/// The transforms of one algorithm and their adjoints, per tile of out x out pixels, for `count`
/// channels (a multiple of 16).
struct TileKernels {
  int out, points;

  std::int64_t products() const { return std::int64_t{points} * points; }

  void (*input)(const TileWindow&, std::int64_t count, const float* map, float* to,
                const ProductLayout&);
  /// Adds to the map: neighbouring tiles overlap by two pixels.
  void (*input_adjoint)(const TileWindow&, std::int64_t count, const float* from,
                        std::int64_t stride, float* map);
  void (*output)(const TileWindow&, std::int64_t count, const float* from, std::int64_t stride,
                 const ConvEpilogue&, float* map);
  void (*output_adjoint)(const TileWindow&, std::int64_t count, const float* map, float* to,
                         const ProductLayout&);
  /// kLanes filters of weight [kLanes,3,3,channels] to products of rows [channels], `row` floats
  /// apart; products lie `stride` floats apart here and below.
  void (*weight)(std::int64_t channels, const float* weight, float* to, std::int64_t row,
                 std::int64_t stride);
  /// For `count` of the channels; weight (=|+=).
  void (*weight_adjoint)(std::int64_t channels, std::int64_t count, const float* from,
                         std::int64_t row, std::int64_t stride, bool accumulate, float* weight);
};

/// The algorithm with the fewest products for maps of h x w pixels.
const TileKernels& tile_kernels_for(std::int64_t h, std::int64_t w);

}  // namespace frost
