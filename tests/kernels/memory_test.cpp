#include "kernels/memory_ledger.h"

#include <gtest/gtest.h>

#include "engine/dry_run.h"
#include "engine/launch.h"
#include "engine/ops.h"
#include "kernels/errors.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

std::vector<float> ramp(std::int64_t n) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(static_cast<float>(i % 7) - 3.0f);
  return values;
}

std::int64_t live(Backend& backend, MemoryTag tag) {
  return backend.ledger().snapshot().live_of(tag);
}

TEST(MemoryLedger, CountsLiveAndPeakBytesPerTag) {
  MemoryLedger ledger;
  ledger.add(MemoryTag::kParameters, 100);
  ledger.add(MemoryTag::kWorkspace, 30);
  ledger.remove(MemoryTag::kWorkspace, 30);
  ledger.add(MemoryTag::kSaved, 10);
  const MemoryLedger::Bytes bytes = ledger.snapshot();
  EXPECT_EQ(bytes.live_of(MemoryTag::kParameters), 100);
  EXPECT_EQ(bytes.live_of(MemoryTag::kWorkspace), 0);
  EXPECT_EQ(bytes.peak_of(MemoryTag::kWorkspace), 30);
  EXPECT_EQ(bytes.live_total, 110);
  EXPECT_EQ(bytes.peak_total, 130);
}

TEST(MemoryLedger, ARetagMovesBytesAndLeavesTheTotals) {
  MemoryLedger ledger;
  ledger.add(MemoryTag::kWorkspace, 64);
  ledger.retag(MemoryTag::kWorkspace, MemoryTag::kSaved, 64);
  const MemoryLedger::Bytes bytes = ledger.snapshot();
  EXPECT_EQ(bytes.live_of(MemoryTag::kWorkspace), 0);
  EXPECT_EQ(bytes.live_of(MemoryTag::kSaved), 64);
  EXPECT_EQ(bytes.peak_of(MemoryTag::kSaved), 64);
  EXPECT_EQ(bytes.live_total, 64);
  EXPECT_EQ(bytes.peak_total, 64);
}

TEST(MemoryLedger, ResetPeaksStartFromWhatIsLive) {
  MemoryLedger ledger;
  ledger.add(MemoryTag::kOther, 50);
  ledger.add(MemoryTag::kWorkspace, 500);
  ledger.remove(MemoryTag::kWorkspace, 500);
  ledger.reset_peaks();
  EXPECT_EQ(ledger.snapshot().peak_of(MemoryTag::kWorkspace), 0);
  EXPECT_EQ(ledger.snapshot().peak_of(MemoryTag::kOther), 50);
  EXPECT_EQ(ledger.snapshot().peak_total, 50);
}

TEST(MemoryLedger, EveryTagHasAName) {
  for (const char* name : kMemoryTagNames) EXPECT_NE(name, nullptr);
  EXPECT_STREQ(kMemoryTagNames[static_cast<std::size_t>(MemoryTag::kOther)], "other");
}

TEST(PackedWeights, AreForgottenWithTheirTensorWhateverItsTag) {
  for (Backend* backend : test_backends()) {
    for (const std::int64_t c : {16, 5}) {  // a kernel each
      const std::int64_t before = live(*backend, MemoryTag::kPacked);
      const Tensor x = Tensor::zeros(*backend, {2, 6, 6, c});
      for (int i = 0; i < 3; ++i) {
        conv2d(x, Tensor::from_host(*backend, {16, 3, 3, c}, ramp(16 * 9 * c)), 1, 1);
      }
      EXPECT_EQ(live(*backend, MemoryTag::kPacked), before) << c << " channels";
    }
  }
}

TEST(PackedWeights, OneMemoryUnderTwoShapesHasTwoCopies) {
  for (Backend* backend : test_backends()) {
    const std::vector<float> values = ramp(80);
    const Tensor weight = Tensor::from_host(*backend, {80}, values);
    for (const Shape& shape : {Shape{8, 1, 1, 10}, Shape{16, 1, 1, 5}}) {
      const Tensor x = Tensor::from_host(*backend, {1, 1, 1, shape[3]}, ramp(shape[3]));
      EXPECT_EQ(conv2d(x, weight.reshape(shape), 1, 0).to_host(),
                conv2d(x, Tensor::from_host(*backend, shape, values), 1, 0).to_host());
    }
  }
}

TEST(TensorMemory, IsCountedAsRequestedUnderItsTag) {
  for (Backend* backend : test_backends()) {
    const std::int64_t before = live(*backend, MemoryTag::kRollout);
    {
      const Tensor t = Tensor::empty(*backend, {3, 5, 7}, MemoryTag::kRollout);
      const std::vector<Tensor> sharing = {t, t.reshape({105})};
      EXPECT_EQ(live(*backend, MemoryTag::kRollout) - before, 3 * 5 * 7 * 4);
      const std::vector<std::uint8_t> bytes(13);
      const Tensor small =
          Tensor::from_host(*backend, std::span<const std::uint8_t>(bytes), MemoryTag::kRollout);
      EXPECT_EQ(live(*backend, MemoryTag::kRollout) - before, 420 + 13);
    }
    EXPECT_EQ(live(*backend, MemoryTag::kRollout), before);
  }
}

TEST(TensorMemory, GradientBuffersAreTaggedAndGoWithTheFreezing) {
  for (Backend* backend : test_backends()) {
    const std::int64_t before = live(*backend, MemoryTag::kGradients);
    Tensor p = Tensor::zeros(*backend, {4, 4}, MemoryTag::kParameters);
    p.set_requires_grad(true);
    EXPECT_EQ(live(*backend, MemoryTag::kGradients), before);
    p.allocate_grad();
    EXPECT_EQ(live(*backend, MemoryTag::kGradients) - before, 64);
    EXPECT_FALSE(p.grad().defined()) << "nothing is written yet";
    p.set_requires_grad(false);
    EXPECT_EQ(live(*backend, MemoryTag::kGradients), before);
  }
}

TEST(TensorMemory, VersionCountsOverwrites) {
  for (Backend* backend : test_backends()) {
    Tensor t = Tensor::zeros(*backend, {2});
    const WeightView before = t.weight_view();
    t.copy_from_host(std::vector<float>{1, 2});
    EXPECT_EQ(t.weight_view().id, before.id);
    EXPECT_GT(t.weight_view().version, before.version);
    EXPECT_NE(Tensor::zeros(*backend, {2}).weight_view().id, before.id);
  }
}

TEST(TensorMemory, RefusesACopyOfAnotherSize) {
  Tensor t = Tensor::zeros(*test_backends().front(), {2, 3});
  try {
    t.copy_from_host(std::vector<float>(5));
    FAIL() << "five values went into six places";
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "[tensor] cannot copy 5 values into [2,3]");
  }
}

TEST(GuardBytes, OneByteBehindTheBlockIsSeen) {
  for (Backend* backend : test_backends()) {
    const std::int64_t before = Storage::guard_violations();
    Storage::enable_guards(true);
    {
      const Tensor t = Tensor::empty(*backend, {5});
      Storage::enable_guards(false);
      EXPECT_TRUE(t.storage().guards_intact());
      const std::byte stray{0x11};
      backend->copy_from_host(t.storage().data() + t.bytes(), &stray, 1);
      EXPECT_FALSE(t.storage().guards_intact());
    }
    EXPECT_EQ(Storage::guard_violations(), before + 1);
  }
}

TEST(GuardBytes, OneByteBeforeTheBlockIsSeen) {
  for (Backend* backend : test_backends()) {
    const std::int64_t before = Storage::guard_violations();
    Storage::enable_guards(true);
    {
      const Tensor t = Tensor::empty(*backend, {5});
      Storage::enable_guards(false);
      const std::byte stray{0x11};
      backend->copy_from_host(t.storage().data() - 1, &stray, 1);
    }
    EXPECT_EQ(Storage::guard_violations(), before + 1);
  }
}

TEST(GuardBytes, AreNotCountedAsMemory) {
  for (Backend* backend : test_backends()) {
    const std::int64_t before = live(*backend, MemoryTag::kOther);
    Storage::enable_guards(true);
    const Tensor t = Tensor::empty(*backend, {5}, MemoryTag::kOther);
    Storage::enable_guards(false);
    EXPECT_EQ(live(*backend, MemoryTag::kOther) - before, 20);
  }
}

TEST(DryRun, CountsTheMemoryOfAPassWithoutComputing) {
  for (Backend* backend : test_backends()) {
    const OpCase row = linear_case(50, 40, 30, true);
    const auto peak = [&] {
      const auto run = row.bind(*backend, upload(*backend, row.inputs, {true, true, true}));
      backend->ledger().reset_peaks();
      const Tensor y = run();
      backward({{y, Tensor::zeros(*backend, y.shape())}});
      return backend->ledger().snapshot().peak_total;
    };
    const std::int64_t real = peak();
    const DryRun dry_run(*backend);
    EXPECT_EQ(peak(), real);
  }
}

TEST(Profile, CountsTheCallsOfEachKernel) {
  LaunchControl::enable_profile(true);
  const OpCase row = gelu_case(4, 4);
  Backend& backend = *test_backends().front();
  const auto run = row.bind(backend, upload(backend, row.inputs, {false}));
  run();
  run();
  const auto profile = LaunchControl::profile();
  LaunchControl::enable_profile(false);
  EXPECT_EQ(profile.at("gelu_forward").calls, 2);
  EXPECT_EQ(profile.count("gelu_backward"), 0U);
}

}  // namespace
}  // namespace frost
