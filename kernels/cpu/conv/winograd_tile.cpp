#include "kernels/cpu/conv/winograd_tile.h"

#include <algorithm>

#include "kernels/cpu/conv/short_correlation.h"
#include "kernels/cpu/panel_gemm.h"

namespace frost {
namespace {

/// Where the pixels of a patch begin, in floats from the map; -1 for those beside it.
template <int kSide>
struct Patch {
  std::int64_t offsets[kSide * kSide];

  Patch(const TileWindow& t, std::int64_t y, std::int64_t x) {
    for (int i = 0; i < kSide; ++i) {
      const bool on_map = y + i >= 0 && y + i < t.h;
      for (int j = 0; j < kSide; ++j) {
        const bool inside = on_map && x + j >= 0 && x + j < t.w;
        offsets[i * kSide + j] = inside ? ((y + i) * t.w + x + j) * t.channels : -1;
      }
    }
  }
};

/// The same for reading, where a pixel beside the map is a row of zeros: fn(first channel, width,
/// rows) over as many channels at a time as there are zeros.
template <int kSide, class Fn>
void for_each_chunk(const Patch<kSide>& patch, std::int64_t count, const float* map, const Fn& fn) {
  constexpr std::int64_t kChunk = 512;
  static constexpr float kZeros[kChunk] = {};
  for (std::int64_t c = 0; c < count; c += kChunk) {
    const float* rows[kSide * kSide];
    for (int i = 0; i < kSide * kSide; ++i) {
      rows[i] = patch.offsets[i] < 0 ? kZeros : map + patch.offsets[i] + c;
    }
    fn(c, std::min(kChunk, count - c), rows);
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

  /// M in M^T on the pixels of a patch, for the forward direction of either map.
  template <const auto& M, int kRows, int kSide>
  static void to_products(const Patch<kSide>& patch, std::int64_t count, const float* map,
                          float* to, const ProductLayout& layout) {
    for_each_chunk(
        patch, count, map, [&](std::int64_t first, std::int64_t width, const auto& rows) {
          for (std::int64_t c = 0; c < width; c += kLanes) {
            float* out =
                to + (first + c) / layout.width * layout.strip + (first + c) % layout.width;
            both_sides<M, kRows, kSide>(
                [&](int i) { return load(rows[i] + c); },
                [&](int p, const Vec& v) { store(v, out + p * layout.product); });
          }
        });
  }

  static void input(const TileWindow& t, std::int64_t count, const float* map, float* to,
                    const ProductLayout& layout) {
    to_products<kInput, kPoints>(Patch<kIn>(t, t.y - 1, t.x - 1), count, map, to, layout);
  }

  static void output_adjoint(const TileWindow& t, std::int64_t count, const float* map, float* to,
                             const ProductLayout& layout) {
    to_products<kOutputAdjoint, kPoints>(Patch<kOut>(t, t.y, t.x), count, map, to, layout);
  }

  static void input_adjoint(const TileWindow& t, std::int64_t count, const float* from,
                            std::int64_t stride, float* map) {
    const Patch<kIn> patch(t, t.y - 1, t.x - 1);
    for (std::int64_t c = 0; c < count; c += kLanes) {
      both_sides<kInputAdjoint, kIn, kPoints>([&](int p) { return load(from + p * stride + c); },
                                              [&](int i, const Vec& v) {
                                                if (patch.offsets[i] < 0) return;
                                                float* at = map + patch.offsets[i] + c;
                                                store(load(at) + v, at);
                                              });
    }
  }

  static void output(const TileWindow& t, std::int64_t count, const float* from,
                     std::int64_t stride, const ConvEpilogue& epilogue, float* map) {
    const Patch<kOut> patch(t, t.y, t.x);
    for (std::int64_t c = 0; c < count; c += kLanes) {
      const Vec bias = epilogue.bias == nullptr ? Vec{} : load(epilogue.bias + c);
      both_sides<kOutput, kOut, kPoints>([&](int p) { return load(from + p * stride + c); },
                                         [&](int i, const Vec& v) {
                                           if (patch.offsets[i] < 0) return;
                                           Vec y = v + bias;
                                           if (epilogue.residual != nullptr)
                                             y += load(epilogue.residual + patch.offsets[i] + c);
                                           if (epilogue.relu) y = y < 0 ? Vec{} : y;
                                           store(y, map + patch.offsets[i] + c);
                                         });
    }
  }

  static void weight(std::int64_t channels, const float* weight, float* to, std::int64_t row,
                     std::int64_t stride) {
    for (std::int64_t c = 0; c < channels; c += kLanes) {
      Vec blocks[kProducts][kLanes];
      for (int k = 0; k < kLanes; ++k) {
        both_sides<kWeight, kPoints, 3>(
            [&](int i) { return load(weight + (k * 9 + i) * channels + c); },
            [&](int p, const Vec& v) { blocks[p][k] = v; });
      }
      for (int p = 0; p < kProducts; ++p) {
        transpose(blocks[p]);
        for (int i = 0; i < kLanes; ++i) store(blocks[p][i], to + p * stride + (c + i) * row);
      }
    }
  }

  static void weight_adjoint(std::int64_t channels, std::int64_t count, const float* from,
                             std::int64_t row, std::int64_t stride, bool accumulate,
                             float* weight) {
    for (std::int64_t c = 0; c < count; c += kLanes) {
      Vec blocks[9][kLanes];
      for (int i = 0; i < kLanes; ++i) {
        const float* in = from + (c + i) * row;
        both_sides<kWeightAdjoint, 3, kPoints>([&](int p) { return load(in + p * stride); },
                                               [&](int t, const Vec& v) { blocks[t][i] = v; });
      }
      for (int t = 0; t < 9; ++t) {
        transpose(blocks[t]);
        for (int k = 0; k < kLanes; ++k) {
          float* out = weight + (k * 9 + t) * channels + c;
          store(accumulate ? load(out) + blocks[t][k] : blocks[t][k], out);
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
