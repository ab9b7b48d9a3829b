#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "kernels/bfloat16.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/runtime/device.h"
#include "kernels/philox.h"
#include "tests/required_devices.h"

namespace frost {

/// What only a GPU can show; parity with the float64 references is in the op table.
class CudaDevice : public testing::Test {
 protected:
  void SetUp() override {
    const std::string problem = cuda::device_problem(cuda::probe_device());
    if (!problem.empty() && device_is_required("cuda")) FAIL() << problem;
    if (!problem.empty()) GTEST_SKIP() << problem;
    backend_ = std::make_unique<CudaBackend>();
  }

  /// Numbers in [-1, 1), a function of `seed` alone.
  static std::vector<float> values(std::int64_t n, std::uint64_t seed) {
    std::vector<float> v(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < v.size(); ++i) {
      const PhiloxBlock block = philox4x32({{static_cast<std::uint32_t>(i), 0, 0, 0}}, seed);
      v[i] = 2.0f * philox_uniform(block.word[0]) - 1.0f;
    }
    return v;
  }

  static float rounded(float x) { return bfloat16_to_float(round_to_bfloat16(x)); }
  static std::vector<float> rounded(std::vector<float> v) {
    for (float& x : v) x = rounded(x);
    return v;
  }

  TrackedBuffer upload(const std::vector<float>& v) {
    TrackedBuffer buffer(*backend_, MemoryTag::kOther, v.size() * sizeof(float));
    backend_->copy_from_host(buffer.data(), v.data(), buffer.bytes());
    return buffer;
  }
  std::vector<float> download(const TrackedBuffer& buffer) {
    std::vector<float> v(buffer.bytes() / sizeof(float));
    backend_->copy_to_host(v.data(), buffer.data(), buffer.bytes());
    return v;
  }
  TrackedBuffer empty(std::int64_t n) {
    return {*backend_, MemoryTag::kOther, static_cast<std::size_t>(n) * sizeof(float)};
  }

  /// C += op(A) op(B) against a sum in double of what the precision makes of the operands. Products
  /// of bfloat16 are exact in float32, so the tolerance is that of float32 sums in both.
  void expect_product(bool ta, bool tb, MathMode math) {
    const std::int64_t m = 5, n = 7, k = 11, pad = 3, shift = 1;
    const std::int64_t lda = (ta ? m : k) + pad, ldb = (tb ? k : n) + pad, ldc = n + pad;
    const auto a = values(lda * (ta ? k : m) + shift, 1);
    const auto b = values(ldb * (tb ? n : k) + shift, 2);
    const auto start = values(ldc * m + shift, 3);
    const TrackedBuffer da = upload(a), db = upload(b), dc = upload(start);
    backend_->matrix().gemm(ta, tb, m, n, k, da.floats() + shift, lda, db.floats() + shift, ldb,
                            {dc.floats() + shift, GradMode::kAccumulate}, ldc);
    const auto c = download(dc);
    const auto at = [&](std::int64_t i) { return static_cast<std::size_t>(i + shift); };
    const auto used = [&](float x) { return double{math == MathMode::kBf16 ? rounded(x) : x}; };
    for (std::int64_t i = 0; i < m * ldc; ++i) {
      const std::int64_t row = i / ldc, col = i % ldc;
      double expected = start[at(i)];
      for (std::int64_t p = 0; col < n && p < k; ++p) {
        expected += used(a[at(ta ? p * lda + row : row * lda + p)]) *
                    used(b[at(tb ? col * ldb + p : p * ldb + col)]);
      }
      EXPECT_NEAR(c[at(i)], expected, 1e-5)
          << to_string(math) << ta << tb << " at " << row << "," << col;
    }
  }

  std::unique_ptr<CudaBackend> backend_;
};

inline double relative_error(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(double{a[i]} - b[i], 2);
    norm += std::pow(double{b[i]}, 2);
  }
  return std::sqrt(difference / norm);
}

struct Layer {
  Conv2dShape s;
  std::int64_t x() const { return s.n * s.h * s.w * s.c; }
  std::int64_t w() const { return s.k * s.kh * s.kw * s.c; }
  std::int64_t y() const { return s.n * s.oh() * s.ow() * s.k; }
};

/// Those of ResNet18 on 24x24 images, small enough to compare with unrolled images.
inline const std::vector<Layer> kLayers{
    {{4, 24, 24, 1, 64, 7, 7, 2, 3}}, {{4, 24, 24, 3, 64, 7, 7, 2, 3}},
    {{4, 6, 6, 64, 64, 3, 3, 1, 1}},  {{4, 6, 6, 64, 128, 3, 3, 2, 1}},
    {{4, 6, 6, 64, 128, 1, 1, 2, 0}}, {{4, 2, 2, 256, 512, 3, 3, 2, 1}},
    {{4, 1, 1, 512, 512, 3, 3, 1, 1}}};

}  // namespace frost
