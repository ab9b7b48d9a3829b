#include "kernels/cpu/winograd_tile.h"

#include <algorithm>

#include "kernels/cpu/panel_gemm.h"
#include "kernels/cpu/short_correlation.h"

namespace frost {
namespace {

/// Calls fn(i, floats from the map's start) for the pixels of a patch that lie on the map.
template <int kSide, class Fn>
void for_each_pixel(const TileWindow& t, std::int64_t y, std::int64_t x, const Fn& fn) {
  for (int i = 0; i < kSide; ++i) {
    if (y + i < 0 || y + i >= t.h) continue;
    for (int j = 0; j < kSide; ++j) {
      if (x + j < 0 || x + j >= t.w) continue;
      fn(i * kSide + j, ((y + i) * t.w + x + j) * t.channels);
    }
  }
}

template <const auto& kAlgorithm>
struct Transforms {
  using F = std::remove_cvref_t<decltype(kAlgorithm)>;
  static constexpr int kOut = F::kOut, kIn = F::kIn, kPoints = F::kPoints;
  static constexpr int kProducts = kPoints * kPoints;
  static constexpr auto kInput = kAlgorithm.input, kWeight = kAlgorithm.weight;
  static constexpr auto kOutput = kAlgorithm.output;
  static constexpr auto kInputAdjoint = kInput.transposed(), kWeightAdjoint = kWeight.transposed();
  static constexpr auto kOutputAdjoint = kOutput.transposed();

  static void store_products(const Vec16* values, float* to, std::int64_t stride) {
    for (int p = 0; p < kProducts; ++p) store16(values[p], to + p * stride);
  }
  static void load_products(const float* from, std::int64_t stride, Vec16* values) {
    for (int p = 0; p < kProducts; ++p) values[p] = load16(from + p * stride);
  }

  static void input(const TileWindow& t, std::int64_t count, const float* map, float* to,
                    std::int64_t stride) {
    for (std::int64_t c = 0; c < count; c += kLanes) {
      Vec16 patch[kIn * kIn] = {}, values[kProducts];
      for_each_pixel<kIn>(t, t.y - 1, t.x - 1,
                          [&](int i, std::int64_t at) { patch[i] = load16(map + at + c); });
      both_sides<kInput, kPoints, kIn>(patch, values);
      store_products(values, to + c, stride);
    }
  }

  static void input_adjoint(const TileWindow& t, std::int64_t count, const float* from,
                            std::int64_t stride, float* map) {
    for (std::int64_t c = 0; c < count; c += kLanes) {
      Vec16 values[kProducts], patch[kIn * kIn];
      load_products(from + c, stride, values);
      both_sides<kInputAdjoint, kIn, kPoints>(values, patch);
      for_each_pixel<kIn>(t, t.y - 1, t.x - 1, [&](int i, std::int64_t at) {
        store16(load16(map + at + c) + patch[i], map + at + c);
      });
    }
  }

  static void output(const TileWindow& t, std::int64_t count, const float* from,
                     std::int64_t stride, const ConvEpilogue& epilogue, float* map) {
    for (std::int64_t c = 0; c < count; c += kLanes) {
      Vec16 values[kProducts], patch[kOut * kOut];
      load_products(from + c, stride, values);
      both_sides<kOutput, kOut, kPoints>(values, patch);
      const Vec16 bias = epilogue.bias == nullptr ? Vec16{} : load16(epilogue.bias + c);
      for_each_pixel<kOut>(t, t.y, t.x, [&](int i, std::int64_t at) {
        Vec16 y = patch[i] + bias;
        if (epilogue.residual != nullptr) y += load16(epilogue.residual + at + c);
        if (epilogue.relu) y = y < 0 ? Vec16{} : y;
        store16(y, map + at + c);
      });
    }
  }

  static void output_adjoint(const TileWindow& t, std::int64_t count, const float* map, float* to,
                             std::int64_t stride) {
    for (std::int64_t c = 0; c < count; c += kLanes) {
      Vec16 patch[kOut * kOut] = {}, values[kProducts];
      for_each_pixel<kOut>(t, t.y, t.x,
                           [&](int i, std::int64_t at) { patch[i] = load16(map + at + c); });
      both_sides<kOutputAdjoint, kPoints, kOut>(patch, values);
      store_products(values, to + c, stride);
    }
  }

  static void weight(std::int64_t channels, const float* weight, float* to, std::int64_t row,
                     std::int64_t stride) {
    for (std::int64_t c = 0; c < channels; c += kLanes) {
      Vec16 blocks[kProducts][kLanes];
      for (int k = 0; k < kLanes; ++k) {
        Vec16 taps[9], values[kProducts];
        for (int i = 0; i < 9; ++i) taps[i] = load16(weight + (k * 9 + i) * channels + c);
        both_sides<kWeight, kPoints, 3>(taps, values);
        for (int p = 0; p < kProducts; ++p) blocks[p][k] = values[p];
      }
      for (int p = 0; p < kProducts; ++p) {
        transpose16(blocks[p]);
        for (int i = 0; i < kLanes; ++i) store16(blocks[p][i], to + p * stride + (c + i) * row);
      }
    }
  }

  static void weight_adjoint(std::int64_t channels, std::int64_t count, const float* from,
                             std::int64_t row, std::int64_t stride, bool accumulate,
                             float* weight) {
    for (std::int64_t c = 0; c < count; c += kLanes) {
      Vec16 blocks[9][kLanes];
      for (int i = 0; i < kLanes; ++i) {
        Vec16 values[kProducts], taps[9];
        load_products(from + (c + i) * row, stride, values);
        both_sides<kWeightAdjoint, 3, kPoints>(values, taps);
        for (int t = 0; t < 9; ++t) blocks[t][i] = taps[t];
      }
      for (int t = 0; t < 9; ++t) {
        transpose16(blocks[t]);
        for (int k = 0; k < kLanes; ++k) {
          float* out = weight + (k * 9 + t) * channels + c;
          store16(accumulate ? load16(out) + blocks[t][k] : blocks[t][k], out);
        }
      }
    }
  }

  static constexpr TileKernels kKernels{kOut,   kPoints,        input,  input_adjoint,
                                        output, output_adjoint, weight, weight_adjoint};
};

std::int64_t products_for(const TileKernels& kernels, std::int64_t h, std::int64_t w) {
  const std::int64_t m = kernels.out;
  return ((h + m - 1) / m) * ((w + m - 1) / m) * kernels.products();
}

}  // namespace

const TileKernels& tile_kernels_for(std::int64_t h, std::int64_t w) {
  if (h == 1 && w == 1) return Transforms<kOnePixel>::kKernels;
  if (h == 2 && w == 2) return Transforms<kTwoPixels>::kKernels;
  const TileKernels &three = Transforms<kWinograd3>::kKernels,
                    &four = Transforms<kWinograd4>::kKernels;
  return products_for(three, h, w) <= products_for(four, h, w) ? three : four;
}

}  // namespace frost
