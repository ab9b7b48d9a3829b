#include <gtest/gtest.h>

#include "tests/golden/closed_form.h"
#include "tests/op_table/op_cases.h"

// Convolution kernels below the op: gradient modes, and copies of weights that must not go stale.
namespace frost {
namespace {

std::vector<float> values(const std::string& name, std::int64_t count) {
  return closed_form_values("conv_kernels." + name, static_cast<std::size_t>(count), 1.0);
}

/// A map below the kernel's reach, ordinary ones, one with a single channel, strided ones; with
/// channels for every kernel that may be chosen.
const Conv2dShape kShapes[] = {{3, 2, 2, 8, 16, 3, 3, 1, 1},    {3, 2, 2, 16, 80, 3, 3, 1, 1},
                               {2, 6, 6, 16, 16, 3, 3, 1, 1},   {3, 11, 4, 32, 16, 3, 3, 1, 1},
                               {2, 3, 3, 256, 256, 3, 3, 1, 1}, {2, 9, 9, 1, 8, 7, 7, 2, 3},
                               {2, 9, 9, 1, 16, 7, 7, 2, 3},    {2, 3, 3, 8, 16, 3, 3, 2, 1},
                               {17, 9, 9, 16, 32, 3, 3, 2, 1},  {2, 7, 7, 16, 8, 1, 1, 2, 0}};

struct Operands {
  Tensor x, dy, weight;

  Operands(Backend& backend, const Conv2dShape& s)
      : x(Tensor::from_host(backend, {s.n, s.h, s.w, s.c}, values("x", s.n * s.h * s.w * s.c))),
        dy(Tensor::from_host(backend, {s.n, s.oh(), s.ow(), s.k},
                             values("dy", s.n * s.oh() * s.ow() * s.k))),
        weight(Tensor::from_host(backend, {s.k, s.kh, s.kw, s.c},
                                 values("weight", s.k * s.kh * s.kw * s.c),
                                 MemoryTag::kParameters)) {}
};

/// What `kernel` adds to a buffer of closed-form values must be what it writes over one.
template <class Kernel>
void expect_accumulates(Backend& backend, const Shape& shape, const Kernel& kernel) {
  const std::vector<float> start = values("start", numel(shape));
  const Tensor written = Tensor::from_host(backend, shape, start);
  const Tensor added = Tensor::from_host(backend, shape, start);
  kernel(GradOut{written.data(), GradMode::kOverwrite});
  kernel(GradOut{added.data(), GradMode::kAccumulate});
  Reals expected = as_reals(written.to_host());
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += start[i];
  EXPECT_LE(relative_error(added.to_host(), expected), 1e-6);
}

TEST(ConvolutionKernels, AccumulateAddsToWhatIsThere) {
  for (Backend* backend : test_backends()) {
    for (const Conv2dShape& s : kShapes) {
      SCOPED_TRACE(testing::Message() << s.kh << "x" << s.kw << "/" << s.stride << " on " << s.h);
      const Operands in(*backend, s);
      expect_accumulates(*backend, in.x.shape(), [&](GradOut dx) {
        backend->convolution().conv2d_backward_data(s, in.dy.data(), in.weight.weight_view(), dx);
      });
      expect_accumulates(*backend, in.weight.shape(), [&](GradOut dweight) {
        backend->convolution().conv2d_backward_weight(s, in.x.data(), in.dy.data(), dweight);
      });
    }
  }
}

TEST(ConvolutionKernels, AWeightWithoutIdentityGivesTheSameResult) {
  for (Backend* backend : test_backends()) {
    for (const Conv2dShape& s : kShapes) {
      const Operands in(*backend, s);
      const Tensor named = Tensor::zeros(*backend, in.dy.shape());
      const Tensor unnamed = Tensor::zeros(*backend, in.dy.shape());
      backend->convolution().conv2d_forward(s, in.x.data(), in.weight.weight_view(), nullptr,
                                            nullptr, false, named.data());
      backend->convolution().conv2d_forward(s, in.x.data(), {in.weight.data(), 0, 0}, nullptr,
                                            nullptr, false, unnamed.data());
      EXPECT_EQ(named.to_host(), unnamed.to_host());
    }
  }
}

TEST(ConvolutionKernels, AChangedWeightIsPackedAgain) {
  for (Backend* backend : test_backends()) {
    for (const Conv2dShape& s : kShapes) {
      Operands in(*backend, s);
      const auto run = [&](WeightView weight) {
        const Tensor y = Tensor::zeros(*backend, in.dy.shape());
        const Tensor dx = Tensor::zeros(*backend, in.x.shape());
        backend->convolution().conv2d_forward(s, in.x.data(), weight, nullptr, nullptr, false,
                                              y.data());
        backend->convolution().conv2d_backward_data(s, in.dy.data(), weight,
                                                    {dx.data(), GradMode::kOverwrite});
        return std::pair{y.to_host(), dx.to_host()};
      };
      const auto before = run(in.weight.weight_view());
      in.weight.copy_from_host(values("other weight", in.weight.numel()));
      const auto after = run(in.weight.weight_view());
      EXPECT_NE(after, before);
      EXPECT_EQ(after, run({in.weight.data(), 0, 0}));
    }
  }
}

// A GPU keeps none: cuDNN reads weights as they lie.
TEST(ConvolutionKernels, PackedCopiesGoWithTheirWeight) {
  for (Backend* backend : test_backends()) {
    const auto packed = [&] { return backend->ledger().snapshot().live_of(MemoryTag::kPacked); };
    const std::int64_t before = packed();
    {
      const Operands in(*backend, kShapes[0]);
      const Tensor y = Tensor::zeros(*backend, in.dy.shape());
      backend->convolution().conv2d_forward(kShapes[0], in.x.data(), in.weight.weight_view(),
                                            nullptr, nullptr, false, y.data());
      EXPECT_EQ(packed() > before, backend->host_readable());
    }
    EXPECT_EQ(packed(), before);
  }
}

TEST(ConvolutionKernels, AnImageGivesTheSameBitsInAnyBatch) {
  Backend& backend = *test_backends().front();
  for (const Conv2dShape& s : {Conv2dShape{5, 6, 6, 16, 32, 3, 3, 1, 1},
                               {5, 1, 1, 16, 16, 3, 3, 1, 1},
                               {5, 5, 5, 32, 16, 3, 3, 2, 1},
                               {5, 9, 9, 1, 16, 7, 7, 2, 3}}) {
    SCOPED_TRACE(testing::Message() << s.kh << "x" << s.kw << "/" << s.stride << " on " << s.h);
    const Operands in(backend, s);
    const auto run = [&](std::int64_t first, std::int64_t n) {
      Conv2dShape part = s;
      part.n = n;
      const Tensor y = Tensor::zeros(backend, {n, s.oh(), s.ow(), s.k});
      backend.convolution().conv2d_forward(part, in.x.data() + first * s.h * s.w * s.c,
                                           in.weight.weight_view(), nullptr, nullptr, true,
                                           y.data());
      return y.to_host();
    };
    std::vector<float> one_by_one;
    for (std::int64_t i = 0; i < s.n; ++i) {
      const std::vector<float> y = run(i, 1);
      one_by_one.insert(one_by_one.end(), y.begin(), y.end());
    }
    EXPECT_EQ(run(0, s.n), one_by_one);
  }
}

TEST(ConvolutionKernels, TapsThatOnlyMeetPaddingGetExactlyZeroGradient) {
  for (Backend* backend : test_backends()) {
    for (const Conv2dShape& s : {Conv2dShape{4, 1, 1, 16, 16, 3, 3, 1, 1},
                                 {4, 2, 2, 16, 16, 3, 3, 2, 1},
                                 {4, 2, 2, 8, 16, 3, 3, 2, 1}}) {
      const Operands in(*backend, s);
      const Tensor dweight = Tensor::zeros(*backend, in.weight.shape());
      backend->convolution().conv2d_backward_weight(s, in.x.data(), in.dy.data(),
                                                    {dweight.data(), GradMode::kOverwrite});
      const std::vector<float> gradient = dweight.to_host();
      std::size_t zeros = 0, dead = 0;
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        const auto tap = static_cast<std::int64_t>(i) / s.c % 9;
        const bool live = s.h == 1 ? tap == 4 : tap / 3 > 0 && tap % 3 > 0;
        dead += live ? 0 : 1;
        zeros += !live && gradient[i] == 0.0f ? 1 : 0;
      }
      EXPECT_GT(dead, 0U);
      EXPECT_EQ(zeros, dead) << s.h << "x" << s.w << ", " << s.c << " channels";
    }
  }
}

/// Outputs of a 3x3 convolution with BatchNorm before and after one of its tensors changes.
TEST(ConvBatchNormFold, AChangeOfAnyOfItsFiveTensorsIsSeen) {
  for (Backend* backend : test_backends()) {
    const OpCase row = conv_bn_case({.n = 2, .side = 5, .c = 4, .k = 8, .kernel = 3, .stride = 1});
    for (std::size_t changed = 1; changed < row.inputs.size(); ++changed) {
      SCOPED_TRACE(row.inputs[changed].name);
      const std::vector<bool> frozen(row.inputs.size());
      std::vector<Tensor> inputs = upload(*backend, row.inputs, frozen);
      const OpCase::Run run = row.bind(*backend, inputs);
      const std::vector<float> before = run().to_host();
      std::vector<CaseInput> other = row.inputs;
      for (float& v : other[changed].values) v = 1.5f * v + 0.25f;
      inputs[changed].copy_from_host(other[changed].values);
      EXPECT_NE(run().to_host(), before);
      EXPECT_LE(relative_error(run().to_host(), row.reference(as_reals(other))), row.tolerance);
    }
  }
}

}  // namespace
}  // namespace frost
