#include "rl/frame_stack.h"

#include <gtest/gtest.h>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "models/policies/frame_memory.h"
#include "models/resnet.h"
#include "rl/environment_registry.h"
#include "tests/golden/closed_form_resnet.h"
#include "tests/rl/pictures/bars.h"

namespace frost {
namespace {

constexpr int kFrames = 3;

std::unique_ptr<Environment> make_bars() {
  return std::make_unique<Bars>(find_environment("IdentityBox")(), 3, true);
}

FrameStack make_stack() {
  return {make_bars(), kFrames};
}

PictureObservation seen(const Environment& environment) {
  return std::get<PictureObservation>(environment.observe());
}

Action any_action() {
  return {{}, {0.25f}};
}

TEST(FrameStack, ShowsTheLastPicturesAndBeginsWithTheFirstRepeated) {
  FrameStack stack = make_stack();
  const auto single = make_bars();
  EXPECT_EQ(std::get<PictureSpec>(stack.spec().observation).frames, kFrames);
  std::vector<PictureObservation> pictures;
  for (const std::uint64_t episode : {4u, 9u}) {
    stack.reset(episode);
    single->reset(episode);
    pictures.assign(kFrames, seen(*single));
    for (int t = 0; t < 5; ++t) {
      std::vector<std::uint8_t> want;
      for (const PictureObservation& p : pictures) {
        want.insert(want.end(), p.pixels.begin(), p.pixels.end());
      }
      EXPECT_EQ(seen(stack).pixels, want) << t;
      EXPECT_EQ(seen(stack).values, pictures.back().values) << t;
      EXPECT_EQ(stack.step(any_action()).reward, single->step(any_action()).reward);
      pictures.erase(pictures.begin());
      pictures.push_back(seen(*single));
    }
  }
}

TEST(FrameStack, GoesOnFromItsStateAndRefusesADamagedOne) {
  FrameStack stack = make_stack(), restored = make_stack();
  stack.reset(7);
  stack.step(any_action());
  const std::vector<std::uint8_t> state = stack.save_state();
  restored.reset(1);
  restored.load_state(state);
  for (int t = 0; t < 4; ++t) {
    EXPECT_EQ(seen(restored).pixels, seen(stack).pixels);
    EXPECT_EQ(seen(restored).values, seen(stack).values);
    EXPECT_EQ(restored.step(any_action()).reward, stack.step(any_action()).reward);
  }
  for (const std::size_t length : {std::size_t{0}, std::size_t{7}, state.size() - 1}) {
    EXPECT_THROW(restored.load_state({state.begin(), state.begin() + static_cast<long>(length)}),
                 Error);
  }
}

TEST(FrameStack, OfARecordShowsWhatTheStackedEnvironmentDid) {
  FrameStack stack = make_stack();
  const auto single = make_bars();
  stack.limit_time(4);
  single->limit_time(4);
  RandomStream seeds(3, StreamPurpose::kLayout), same(3, StreamPurpose::kLayout);
  const RecordedEpisodes want = record_episodes(stack, 11, seeds);
  const RecordedEpisodes got = stacked_record(record_episodes(*single, 11, same), kFrames);
  ASSERT_EQ(got.steps.size(), want.steps.size());
  EXPECT_EQ(std::get<PictureSpec>(got.spec.observation).frames, kFrames);
  for (std::size_t t = 0; t < want.steps.size(); ++t) {
    EXPECT_EQ(std::get<PictureObservation>(got.steps[t].observation).pixels,
              std::get<PictureObservation>(want.steps[t].observation).pixels)
        << t;
  }
}

TEST(FrameStack, OnlyPicturesAreStacked) {
  EXPECT_THROW(FrameStack(find_environment("CartPole-v1")(), 2), UsageError);
  EXPECT_THROW(FrameStack(make_bars(), 0), UsageError);
}

// Of the frames of states that follow each other only the newest is new.
TEST(FrameMemory, RunsAFrameOnceAndAnswersAsTheWholeBatch) {
  ResNet body(cpu_backend(), 18, 3);
  body.load(closed_form_resnet(18));
  for (NamedTensor& p : body.parameters()) p.tensor.set_requires_grad(false);
  FrozenPrefix prefix({&body}, {Bars::kHeight, Bars::kWidth, 3});
  prefix.set_preprocessing([](const Tensor& bytes) {
    return bytes_to_floats(
        bytes, {bytes.numel() / (Bars::kHeight * Bars::kWidth * 3), Bars::kHeight, Bars::kWidth, 3},
        1.0f / 255.0f, -0.5f);
  });
  FrameStack first = make_stack(), second = make_stack();
  FrameMemory memory;
  std::int64_t expected = 0;
  const auto look = [&](std::int64_t fresh) {
    std::vector<std::uint8_t> bytes = seen(first).pixels;
    const std::vector<std::uint8_t> more = seen(second).pixels;
    bytes.insert(bytes.end(), more.begin(), more.end());
    const Tensor whole =
        prefix.run(Tensor::from_host(cpu_backend(), std::span<const std::uint8_t>(bytes)));
    const Tensor got = memory.features(cpu_backend(), bytes, 2, kFrames, prefix);
    EXPECT_EQ(got.to_host(), whole.to_host());
    expected += fresh;
    EXPECT_EQ(memory.computed(), expected);
  };
  first.reset(1);
  second.reset(2);
  look(2);
  look(0);
  for (int t = 0; t < 4; ++t) {
    first.step(any_action());
    second.step(any_action());
    look(2);
  }
  second.reset(3);
  first.step(any_action());
  look(2);
  // Another prefix: nothing that is known holds.
  body.load(closed_form_resnet(18));
  look(4);
}

}  // namespace
}  // namespace frost
