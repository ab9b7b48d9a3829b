#include <gtest/gtest.h>

#include <fstream>

#include "engine/ops.h"
#include "engine/optim/adam.h"
#include "kernels/backend_registry.h"
#include "kernels/caching_allocator.h"
#include "kernels/parallel_for.h"
#include "tests/engine/failing_new.h"
#include "tests/op_table/op_cases.h"

// Each allocation of a training step fails once: it is thrown, and nothing is lost.
namespace frost {
namespace {

/// A convolution, a linear layer and Adam, with every kind of tensor that a step makes.
class SmallTraining {
 public:
  SmallTraining() {
    const auto tensor = [](const char* name, Shape shape, bool trains) {
      const CaseInput in = case_input("failing", name, std::move(shape), 0.2);
      Tensor t = Tensor::from_host(cpu_backend(), in.shape, in.values, MemoryTag::kParameters);
      t.set_requires_grad(trains);
      return t;
    };
    frozen_.pad = 1;
    frozen_.weight = tensor("frozen", {16, 3, 3, 16}, false);
    frozen_.gamma = tensor("gamma", {16}, false);
    frozen_.beta = tensor("beta", {16}, false);
    frozen_.mean = tensor("mean", {16}, false);
    frozen_.var = Tensor::from_host(cpu_backend(), {16}, std::vector<float>(16, 1.0f));
    kernel_ = tensor("kernel", {16, 3, 3, 16}, true);
    weight_ = tensor("weight", {3, 16}, true);
    square_ = tensor("square", {3, 3}, false);
    x_ = tensor("x", {4, 12, 12, 16}, false);
    adam_ = std::make_unique<Adam>(
        std::vector<ParamGroup>{{"all", 1e-3, {{"kernel", kernel_}, {"weight", weight_}}}});
  }

  /// The loss before the step.
  float step() {
    adam_->zero_grad();
    const float loss = descend();
    adam_->step(1.0, 0.5);
    return loss;
  }

  /// Forward and back alone.
  float descend() {
    const Tensor maps = conv2d(conv_bn(x_, frozen_, Tensor(), true), kernel_, 2, 1);
    const Tensor y = linear(global_avg_pool(maps), weight_, Tensor());
    // A tape of two branches that nobody goes back through: it is released from its end.
    const Tensor dropped = add(linear(y, square_, Tensor()), linear(y, square_, Tensor()));
    const Tensor loss = mse(y, Tensor::zeros(cpu_backend(), {4, 3}));
    backward(loss);
    return loss.to_host().front();
  }

  void zero_grad() { adam_->zero_grad(); }
  std::vector<float> gradient() const { return kernel_.grad().to_host(); }

 private:
  ConvBatchNorm frozen_;
  Tensor kernel_, weight_, square_, x_;
  std::unique_ptr<Adam> adam_;
};

TEST(FailingNew, OfAPassIsThrownOrSurvivedAndTheNextPassIsAsIfItHadNotBeen) {
  set_thread_budget(2, 2);
  SmallTraining reference;
  const float loss = reference.descend();
  std::int64_t at = 0, thrown = 0;
  for (bool failed = true; failed; ++at) {
    SmallTraining training;
    {
      const FailingNew failing(at);
      try {
        EXPECT_EQ(training.descend(), loss) << at;
      } catch (const std::bad_alloc&) {
        ++thrown;
      }
      failed = FailingNew::happened();
    }
    training.zero_grad();
    EXPECT_EQ(training.descend(), loss) << at;
    EXPECT_EQ(training.gradient(), reference.gradient()) << at;
  }
  EXPECT_GT(thrown, 50);
  set_thread_budget(0);
}

TEST(FailingNew, OfAStepLeavesNoMemoryBehind) {
  const MemoryLedger& ledger = cpu_backend().ledger();
  {
    SmallTraining warm_up;  // scratch that the backend keeps
    warm_up.step();
  }
  const std::int64_t before = ledger.snapshot().live_total;
  bool failed = true;
  for (std::int64_t at = 0; failed; ++at) {
    const FailingNew failing(at);
    try {
      SmallTraining training;
      training.step();
    } catch (const std::bad_alloc&) {
    }
    failed = FailingNew::happened();
    EXPECT_EQ(ledger.snapshot().live_total, before) << at;
  }
}

/// Pages of address space that the process has.
std::int64_t pages() {
  std::int64_t count = 0;
  std::ifstream("/proc/self/statm") >> count;
  return count;
}

TEST(FailingNew, OfTheAllocatorsOwnListsLosesNoBlock) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "under a sanitizer malloc has every block, and there are no lists";
#endif
  constexpr std::size_t kBytes = std::size_t{256} << 20;
  CachingAllocator allocator;
  allocator.release(allocator.allocate(kBytes));
  const std::int64_t before = pages();
  for (int i = 0; i < 8; ++i) {
    const FailingNew failing(0);
    EXPECT_THROW(allocator.allocate(kBytes), std::bad_alloc);
  }
  void* const block = allocator.allocate(kBytes);
  {
    const FailingNew failing(0);
    EXPECT_NO_THROW(allocator.release(block)) << "destructors release";
  }
  EXPECT_EQ(allocator.bytes_in_use(), 0U);
  EXPECT_LT((pages() - before) * 4096, static_cast<std::int64_t>(kBytes));
}

}  // namespace
}  // namespace frost
