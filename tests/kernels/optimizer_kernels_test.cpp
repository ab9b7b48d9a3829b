#include <gtest/gtest.h>

#include <cmath>

#include "engine/device_graph.h"
#include "engine/optim/adam.h"
#include "kernels/cuda/tensor_pack.h"
#include "tests/engine/errors.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

/// Sizes around what one block of a GPU takes, more of them than one launch takes.
std::vector<std::int64_t> awkward_sizes() {
  std::vector<std::int64_t> sizes = {1, 31, 8191, 8192, 8193, 40000};
  for (std::int64_t n = 1; n < 3 * cuda::TensorPack::kMost; n += 2) sizes.push_back(n);
  return sizes;
}

TEST(TensorPack, BlocksCoverEveryElementOfEveryTensorOnce) {
  std::vector<OptimizerTensor> tensors;
  for (const std::int64_t n : awkward_sizes()) {
    tensors.push_back({n, static_cast<std::int64_t>(tensors.size())});
  }
  std::vector<std::int64_t> covered(tensors.size());
  for (const cuda::TensorPack& pack : cuda::make_packs(tensors)) {
    ASSERT_LE(pack.count, cuda::TensorPack::kMost);
    for (std::int32_t block = 0; block < pack.blocks(); ++block) {
      const cuda::PackedRange range = pack.range(block);
      const OptimizerTensor& t = pack.tensors[range.tensor];
      ASSERT_LT(range.begin, range.end);
      ASSERT_LE(range.end, t.n);
      std::int64_t& done = covered[static_cast<std::size_t>(t.slot)];
      EXPECT_EQ(range.begin, done) << "blocks of a tensor follow each other";
      done = range.end;
    }
  }
  EXPECT_EQ(covered, awkward_sizes());
}

TEST(TensorPack, TensorsWithoutElementsHaveNoBlock) {
  const std::vector<OptimizerTensor> tensors = {{0, 0}, {5, 1}, {0, 2}, {7, 3}};
  const std::vector<cuda::TensorPack> packs = cuda::make_packs(tensors);
  ASSERT_EQ(packs.size(), 1U);
  ASSERT_EQ(packs[0].blocks(), 2);
  EXPECT_EQ(packs[0].range(0).tensor, 1);
  EXPECT_EQ(packs[0].range(1).tensor, 3);
  EXPECT_TRUE(cuda::make_packs({}).empty());
}

/// Parameters with gradients on one backend, and what Adam makes of them in float64.
class OptimizerKernels : public testing::TestWithParam<Backend*> {
 protected:
  struct Element {
    double parameter, gradient;
  };

  OptimizerKernels() {
    for (const std::int64_t n : awkward_sizes()) {
      const std::string name = "p" + std::to_string(parameters_.size());
      const CaseInput start = case_input("optimizer", name, {n});
      const CaseInput slope = case_input("optimizer", name + ".gradient", {n}, 0.1);
      Tensor t = Tensor::from_host(*GetParam(), {n}, start.values, MemoryTag::kParameters);
      t.set_requires_grad(true);
      const Tensor y = add(t, Tensor::zeros(*GetParam(), {n}));
      backward({{y, Tensor::from_host(*GetParam(), {n}, slope.values)}});
      parameters_.push_back({name, t});
      for (std::size_t i = 0; i < start.values.size(); ++i) {
        elements_.push_back({start.values[i], slope.values[i]});
        squares_ += static_cast<double>(slope.values[i]) * slope.values[i];
      }
    }
  }

  std::vector<float> all_values() const {
    std::vector<float> values;
    for (const NamedTensor& p : parameters_) {
      const std::vector<float> part = p.tensor.to_host();
      values.insert(values.end(), part.begin(), part.end());
    }
    return values;
  }

  std::vector<NamedTensor> parameters_;
  std::vector<Element> elements_;
  double squares_ = 0;
};

TEST_P(OptimizerKernels, NormsOfManyTensorsAreThoseOfTheirElements) {
  const Adam adam({{"all", 0.1, parameters_}});
  EXPECT_NEAR(adam.grad_norms().front() / std::sqrt(squares_), 1.0, 1e-12);
  EXPECT_EQ(adam.grad_norms(), adam.grad_norms()) << "equal bits twice";
}

TEST_P(OptimizerKernels, TwoClippedStepsFollowTheFormulaInDouble) {
  constexpr double kRate = 0.01, kMost = 0.5;
  Adam adam({{"all", kRate, parameters_}});
  const double scale = kMost / (std::sqrt(squares_) + 1e-6);
  ASSERT_LT(scale, 1.0);
  Reals expected;
  for (const Element& e : elements_) {
    double p = e.parameter, m = 0, v = 0;
    for (int t = 1; t <= 2; ++t) {
      const double g = scale * e.gradient;
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      p -= kRate * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
    }
    expected.push_back(p);
  }
  for (int t = 0; t < 2; ++t) adam.step(1.0, kMost);
  EXPECT_LE(relative_error(all_values(), expected), 1e-6);
}

/// All that a step may change: values, versions, moments and step counts.
struct Everything {
  Everything(const Adam& adam, const std::vector<NamedTensor>& parameters) {
    StateDict state;
    adam.save(state);
    for (const auto& [name, tensor] : state) bytes.push_back(tensor.bytes);
    for (const NamedTensor& p : parameters) {
      values.push_back(p.tensor.to_host());
      versions.push_back(p.tensor.storage().version());
    }
  }
  bool operator==(const Everything&) const = default;

  std::vector<decltype(HostTensor::bytes)> bytes;
  std::vector<std::vector<float>> values;
  std::vector<std::uint64_t> versions;
};

TEST_P(OptimizerKernels, GradientsThatAreNotFiniteOrOverflowChangeNothing) {
  const Tensor& last = parameters_.back().tensor;
  Adam adam({{"all", 0.1, parameters_}});
  adam.step(1.0, 0.5);
  const std::vector<float> good = last.grad().to_host();
  const Everything before(adam, parameters_);
  const auto refuses = [&](float bad, double max_norm, const std::string& why) {
    std::vector<float> gradient = good;
    gradient.back() = bad;
    last.grad().copy_from_host(gradient);
    EXPECT_THROW(adam.step(1.0, max_norm), NotFiniteError) << bad << ", " << max_norm;
    const std::string problem = error_of([&] { adam.step(1.0, max_norm); });
    EXPECT_NE(problem.find(why), std::string::npos) << problem;
    EXPECT_TRUE(Everything(adam, parameters_) == before) << bad << ", " << max_norm;
  };
  for (const double max_norm : {0.5, HUGE_VAL}) {
    for (const float bad : {NAN, INFINITY, -INFINITY}) refuses(bad, max_norm, "is not finite");
  }
  refuses(1e20f, HUGE_VAL, "have a norm of 1e+20, so large that their squares overflow: clip them");
  adam.step(1.0, 0.5);  // clipped, the same gradient is none too large
  const Everything clipped(adam, parameters_);
  EXPECT_FALSE(clipped == before);
  last.grad().copy_from_host(good);
  adam.step(1.0, 0.5);
  EXPECT_FALSE(Everything(adam, parameters_) == clipped);
}

TEST_P(OptimizerKernels, ARecordedStepThatIsRefusedIsAsIfItHadNotBeen) {
  const Tensor& last = parameters_.back().tensor;
  Adam adam({{"all", 0.1, parameters_}});
  adam.step(1.0, 0.5);
  Adam::Moved moved;
  DeviceGraph recorded(*GetParam(), [&] { moved = adam.enqueue_step(0.5); });
  const auto replay = [&] {
    adam.prepare_step({1.0});
    recorded.replay();
    return adam.finish_step(moved);
  };
  const std::vector<float> good = last.grad().to_host();
  const Everything before(adam, parameters_);
  last.grad().copy_from_host(std::vector<float>(good.size(), NAN));
  EXPECT_THROW(replay(), NotFiniteError);
  EXPECT_TRUE(Everything(adam, parameters_) == before);
  last.grad().copy_from_host(good);
  replay();
  const Everything replayed(adam, parameters_);

  StateDict state;
  adam.save(state);
  EXPECT_EQ(state.at("adam.p0.step").to_int64("").front(), 2) << "the refused step is not counted";
  EXPECT_EQ(replayed.versions.front(), before.versions.front() + 1);
  EXPECT_NE(replayed.values, before.values);
}

INSTANTIATE_TEST_SUITE_P(Devices, OptimizerKernels, testing::ValuesIn(test_backends()),
                         [](const auto& info) { return "device" + std::to_string(info.index); });

}  // namespace
}  // namespace frost
