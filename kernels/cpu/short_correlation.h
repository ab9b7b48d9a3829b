#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "kernels/cpu/panel_gemm.h"

namespace frost {

template <int kRows, int kColumns>
struct SmallMatrix {
  std::array<std::array<float, kColumns>, kRows> v;

  constexpr SmallMatrix<kColumns, kRows> transposed() const {
    SmallMatrix<kColumns, kRows> t{};
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t c = 0; c < kColumns; ++c) t.v[c][r] = v[r][c];
    }
    return t;
  }
};

/// An algorithm for `kOut` outputs of a 3-tap correlation in `kPoints` products, in one dimension:
/// y = output ((weight w) * (input x)), with x the kOut + 2 inputs. Two dimensions nest it.
template <int kOutputs, int kProducts>
struct ShortCorrelation {
  static constexpr int kOut = kOutputs, kIn = kOutputs + 2, kPoints = kProducts;
  SmallMatrix<kPoints, kIn> input;
  SmallMatrix<kPoints, 3> weight;
  SmallMatrix<kOut, kPoints> output;
};

/// Toom-Cook through kOut + 1 finite points and infinity, transposed (Winograd 1980; Lavin and Gray
/// 2016): row j of `input` holds the coefficients of the product of (t - p) over the other points.
template <int kOut>
constexpr ShortCorrelation<kOut, kOut + 2> winograd(const std::array<double, kOut + 1>& points) {
  constexpr int kFinite = kOut + 1, kPoints = kOut + 2;
  ShortCorrelation<kOut, kPoints> f{};
  for (int row = 0; row < kPoints; ++row) {
    const auto r = static_cast<std::size_t>(row);
    std::array<double, kPoints> product{1.0};
    double scale = 1, power = 1;
    for (int j = 0; j < kFinite; ++j) {
      if (j == row) continue;
      const double p = points[static_cast<std::size_t>(j)];
      if (row < kFinite) scale *= points[r] - p;
      for (std::size_t i = kPoints - 1; i > 0; --i) product[i] = product[i - 1] - p * product[i];
      product[0] *= -p;
    }
    for (std::size_t i = 0; i < kPoints; ++i) f.input.v[r][i] = static_cast<float>(product[i]);
    if (row == kFinite) {
      f.weight.v[r][2] = f.output.v[kOut - 1][r] = 1;
      continue;
    }
    for (std::size_t i = 0; i < 3 || i < kOut; ++i, power *= points[r]) {
      if (i < 3) f.weight.v[r][i] = static_cast<float>(power / scale);
      if (i < kOut) f.output.v[i][r] = static_cast<float>(power);
    }
  }
  return f;
}

/// A whole map of one pixel meets the centre tap only.
inline constexpr ShortCorrelation<1, 1> kOnePixel{{{{{0, 1, 0}}}}, {{{{0, 1, 0}}}}, {{{{1}}}}};
/// A whole map of two: y0 = b (x0 + x1) + (c - b) x1, y1 = b (x0 + x1) + (a - b) x0.
inline constexpr ShortCorrelation<2, 3> kTwoPixels{{{{{0, 1, 1, 0}, {0, 0, 1, 0}, {0, 1, 0, 0}}}},
                                                   {{{{0, 1, 0}, {0, -1, 1}, {1, -1, 0}}}},
                                                   {{{{1, 1, 0}, {1, 0, 1}}}}};
// Points with the smallest error of those tried on random data: 1.4e-6 and 1.1e-6 of the result's
// norm, against 2.1e-6 through 0, 1, -1, 2 and 2.4e-6 through 0, 1, -1, 2, -2.
inline constexpr auto kWinograd3 = winograd<3>({0, 1, -0.5, -2});
inline constexpr auto kWinograd4 = winograd<4>({0, 0.625, -0.625, 1.5, -1.5});

/// Row `kRow` of M times the vectors in[0], in[stride], ..., the first `kEnd` of them; products
/// with 0, 1 and -1 are not computed.
template <const auto& M, int kRow, int kEnd>
Vec16 row_times(const Vec16* in, std::ptrdiff_t stride) {
  constexpr float kFactor = M.v[kRow][kEnd - 1];
  const auto last = [&] { return in[(kEnd - 1) * stride]; };
  if constexpr (kEnd == 1) {
    return kFactor * last();
  } else {
    constexpr bool kNothingBefore = [] {
      for (std::size_t i = 0; i + 1 < kEnd; ++i) {
        if (M.v[kRow][i] != 0) return false;
      }
      return true;
    }();
    if constexpr (kFactor == 0) {
      return row_times<M, kRow, kEnd - 1>(in, stride);
    } else if constexpr (kNothingBefore) {
      return kFactor * last();
    } else if constexpr (kFactor == 1) {
      return row_times<M, kRow, kEnd - 1>(in, stride) + last();
    } else if constexpr (kFactor == -1) {
      return row_times<M, kRow, kEnd - 1>(in, stride) - last();
    } else {
      return row_times<M, kRow, kEnd - 1>(in, stride) + kFactor * last();
    }
  }
}

/// out = M in M^T for vectors of 16 channels; in [columns][columns], out [rows][rows] of M.
template <const auto& M, int kRows, int kColumns>
void both_sides(const Vec16* in, Vec16* out) {
  Vec16 half[kRows * kColumns];
  const auto down = [&]<int... r>(std::integer_sequence<int, r...>, int c) {
    ((half[r * kColumns + c] = row_times<M, r, kColumns>(in + c, kColumns)), ...);
  };
  const auto across = [&]<int... r>(std::integer_sequence<int, r...>, int i) {
    ((out[i * kRows + r] = row_times<M, r, kColumns>(half + i * kColumns, 1)), ...);
  };
  constexpr auto kEach = std::make_integer_sequence<int, kRows>{};
  for (int c = 0; c < kColumns; ++c) down(kEach, c);
  for (int i = 0; i < kRows; ++i) across(kEach, i);
}

}  // namespace frost
