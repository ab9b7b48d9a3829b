#include <algorithm>
#include <limits>

#include "kernels/cuda/conv/conv2d.h"
#include "kernels/errors.h"
#include "tests/cuda/device_fixture.h"

// Convolutions and matrix products.
namespace frost {
namespace {

TEST_F(CudaDevice, CudnnAndUnrolledImagesGiveTheSameConvolution) {
  for (const Layer& layer : kLayers) {
    const TrackedBuffer x = upload(values(layer.x(), 1)), w = upload(values(layer.w(), 2));
    const TrackedBuffer dy = upload(values(layer.y(), 3)), bias = upload(values(layer.s.k, 4));
    const TrackedBuffer residual = upload(values(layer.y(), 5));
    const TrackedBuffer y = empty(layer.y()), dx = empty(layer.x()), dw = empty(layer.w());
    cuda::CudnnConvolutions convolutions(*backend_);
    const auto run = [&](bool library) {
      convolutions.use_library(library);
      convolutions.forward(layer.s, x.floats(), w.floats(), bias.floats(), residual.floats(), true,
                           y.floats());
      convolutions.backward_data(layer.s, dy.floats(), w.floats(), dx.floats());
      convolutions.backward_weight(layer.s, x.floats(), dy.floats(), dw.floats());
      return std::vector<std::vector<float>>{download(y), download(dx), download(dw)};
    };
    const auto unrolled = run(false), library = run(true);
    SCOPED_TRACE(convolutions.report());
    for (std::size_t i = 0; i < unrolled.size(); ++i) {
      EXPECT_LT(relative_error(library[i], unrolled[i]), 2e-6) << "result " << i;
    }
  }
}

TEST_F(CudaDevice, CudnnHasAnEngineForEveryLayerInFp32AndBf16) {
  for (const MathMode math : {MathMode::kFp32, MathMode::kBf16}) {
    backend_->configure({math, true});
    cuda::CudnnConvolutions convolutions(*backend_);
    for (const Layer& layer : kLayers) {
      const TrackedBuffer x = empty(layer.x()), w = empty(layer.w()), y = empty(layer.y());
      backend_->fill_zero(x.data(), x.bytes());
      backend_->fill_zero(w.data(), w.bytes());
      convolutions.forward(layer.s, x.floats(), w.floats(), nullptr, nullptr, false, y.floats());
      convolutions.backward_data(layer.s, y.floats(), w.floats(), x.floats());
      convolutions.backward_weight(layer.s, x.floats(), y.floats(), w.floats());
    }
    const std::string& report = convolutions.report();
    EXPECT_EQ(std::count(report.begin(), report.end(), '\n'), 3 * std::ssize(kLayers)) << report;
    EXPECT_EQ(report.find(": none: "), std::string::npos) << report;
  }
}

TEST_F(CudaDevice, Fp32IsNotTf32) {
  // 1 + 2^-12 has more digits than TF32 keeps: a product by 1 shows which arithmetic ran.
  const float fine = 1.0f + 0x1p-12f;
  const std::int64_t n = 64;
  std::vector<float> identity(static_cast<std::size_t>(n * n), 0.0f);
  for (std::int64_t i = 0; i < n; ++i) identity[static_cast<std::size_t>(i * n + i)] = 1.0f;
  const TrackedBuffer a = upload(std::vector<float>(static_cast<std::size_t>(n * n), fine));
  const TrackedBuffer b = upload(identity), c = empty(n * n);
  const Conv2dShape pointwise{1, 8, 8, n, n, 1, 1, 1, 0};
  const auto run = [&](MathMode math) {
    backend_->configure({math, true});
    backend_->matrix().gemm(false, false, n, n, n, a.floats(), n, b.floats(), n,
                            {c.floats(), GradMode::kOverwrite}, n);
    const float product = download(c)[0];
    backend_->convolution().conv2d_forward(pointwise, a.floats(), {b.floats()}, nullptr, nullptr,
                                           false, c.floats());
    return std::pair(product, download(c)[0]);
  };
  EXPECT_EQ(run(MathMode::kFp32), std::pair(fine, fine)) << backend_->kernel_report();
}

TEST_F(CudaDevice, ConvolutionRunsTwiceToEqualBits) {
  for (const MathMode math : {MathMode::kFp32, MathMode::kBf16}) {
    backend_->configure({math, true});
    for (const Layer& layer : kLayers) {
      const TrackedBuffer x = upload(values(layer.x(), 1)), dy = upload(values(layer.y(), 3));
      const TrackedBuffer dw = empty(layer.w());
      const auto run = [&] {
        backend_->convolution().conv2d_backward_weight(layer.s, x.floats(), dy.floats(),
                                                       {dw.floats(), GradMode::kOverwrite});
        return download(dw);
      };
      EXPECT_EQ(run(), run());
    }
  }
}

TEST_F(CudaDevice, GradientsAccumulateOnWhatIsThere) {
  const Layer layer = kLayers[2];
  const TrackedBuffer x = upload(values(layer.x(), 1)), dy = upload(values(layer.y(), 3));
  const TrackedBuffer dw = upload(std::vector<float>(static_cast<std::size_t>(layer.w()), 0.0f));
  for (int i = 0; i < 2; ++i) {
    backend_->convolution().conv2d_backward_weight(layer.s, x.floats(), dy.floats(),
                                                   {dw.floats(), GradMode::kAccumulate});
  }
  const std::vector<float> twice = download(dw);
  backend_->convolution().conv2d_backward_weight(layer.s, x.floats(), dy.floats(),
                                                 {dw.floats(), GradMode::kOverwrite});
  std::vector<float> once = download(dw);
  for (float& v : once) v *= 2.0f;
  EXPECT_EQ(twice, once);
}

TEST_F(CudaDevice, ReluOfAConvolutionHidesNoNan) {
  for (const MathMode math : {MathMode::kFp32, MathMode::kBf16}) {
    backend_->configure({math, true});
    for (const Layer& layer : kLayers) {
      std::vector<float> poisoned = values(layer.x(), 1);
      poisoned[0] = std::numeric_limits<float>::quiet_NaN();
      const TrackedBuffer x = upload(poisoned), w = upload(values(layer.w(), 2));
      const TrackedBuffer bias = upload(values(layer.s.k, 4)), y = empty(layer.y());
      backend_->convolution().conv2d_forward(layer.s, x.floats(), {w.floats()}, bias.floats(),
                                             nullptr, true, y.floats());
      EXPECT_TRUE(std::isnan(download(y)[0])) << backend_->kernel_report();
    }
  }
}

TEST_F(CudaDevice, MatrixProductTakesEveryTransposeStrideAndAlignment) {
  for (const MathMode math : {MathMode::kFp32, MathMode::kBf16}) {
    backend_->configure({math, true});
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) expect_product(ta, tb, math);
    }
  }
}

/// Sums in float32 that were rounded to bfloat16 at most once: 8 digits, half a unit of the last.
void expect_one_rounding(const std::vector<float>& found, const std::vector<float>& sums) {
  float largest = 0;
  for (const float s : sums) largest = std::max(largest, std::abs(s));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    ASSERT_NEAR(found[i], sums[i], 0x1p-8f * std::abs(sums[i]) + 2e-6f * largest)
        << "element " << i;
  }
}

TEST_F(CudaDevice, Bf16ConvolutionIsThatOfRoundedOperands) {
  for (const Layer& layer : kLayers) {
    const auto x = values(layer.x(), 1), w = values(layer.w(), 2), dy = values(layer.y(), 3);
    cuda::CudnnConvolutions convolutions(*backend_);
    const auto run = [&](MathMode math, bool library, const auto& operand) {
      backend_->configure({math, true});
      convolutions.use_library(library);
      const TrackedBuffer dx_in = upload(operand(x)), w_in = upload(operand(w));
      const TrackedBuffer dy_in = upload(operand(dy));
      const TrackedBuffer y = empty(layer.y()), dx = empty(layer.x()), dw = empty(layer.w());
      convolutions.forward(layer.s, dx_in.floats(), w_in.floats(), nullptr, nullptr, false,
                           y.floats());
      convolutions.backward_data(layer.s, dy_in.floats(), w_in.floats(), dx.floats());
      convolutions.backward_weight(layer.s, dx_in.floats(), dy_in.floats(), dw.floats());
      return std::vector<std::vector<float>>{download(y), download(dx), download(dw)};
    };
    const auto on_the_host = [](const std::vector<float>& v) { return rounded(v); };
    const auto as_it_is = [](const std::vector<float>& v) { return v; };
    const auto expected = run(MathMode::kFp32, false, on_the_host);
    const auto unrolled = run(MathMode::kBf16, false, as_it_is);
    const auto library = run(MathMode::kBf16, true, as_it_is);
    SCOPED_TRACE(convolutions.report());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      SCOPED_TRACE("result " + std::to_string(i));
      EXPECT_LT(relative_error(unrolled[i], expected[i]), 2e-6);
      expect_one_rounding(library[i], expected[i]);
    }
  }
}

TEST_F(CudaDevice, Bf16AddsBiasAndResidualInFloat32) {
  backend_->configure({MathMode::kBf16, true});
  for (const Layer& layer : kLayers) {
    const auto bias = values(layer.s.k, 4), residual = values(layer.y(), 5);
    const TrackedBuffer x = upload(values(layer.x(), 1)), w = upload(values(layer.w(), 2));
    const TrackedBuffer b = upload(bias), r = upload(residual), y = empty(layer.y());
    backend_->convolution().conv2d_forward(layer.s, x.floats(), {w.floats()}, nullptr, nullptr,
                                           false, y.floats());
    std::vector<float> expected = download(y);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const float sum = expected[i] + bias[i % bias.size()] + residual[i];
      expected[i] = std::max(sum, 0.0f);
    }
    backend_->convolution().conv2d_forward(layer.s, x.floats(), {w.floats()}, b.floats(),
                                           r.floats(), true, y.floats());
    EXPECT_EQ(download(y), expected);
  }
}

TEST_F(CudaDevice, Bf16LeavesWeightsAloneAndSeesEveryChangeOfThem) {
  backend_->configure({MathMode::kBf16, true});
  const Layer layer = kLayers[2];
  const auto before = values(layer.w(), 2), after = values(layer.w(), 6);
  const TrackedBuffer x = upload(values(layer.x(), 1)), w = upload(before);
  const TrackedBuffer y = empty(layer.y());
  const auto run = [&] {
    const WeightView same_weight{w.floats(), 7, 1};
    backend_->convolution().conv2d_forward(layer.s, x.floats(), same_weight, nullptr, nullptr,
                                           false, y.floats());
    return download(y);
  };
  const auto first = run();
  EXPECT_EQ(download(w), before);
  backend_->copy_from_host(w.data(), after.data(), w.bytes());
  const auto second = run();
  EXPECT_EQ(download(w), after);
  EXPECT_GT(relative_error(second, first), 0.1);
}

}  // namespace
}  // namespace frost
