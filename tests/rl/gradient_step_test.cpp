#include "rl/ppo/gradient_step.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <span>

#include "kernels/backend_registry.h"
#include "kernels/cuda/runtime/recording_heap.h"
#include "models/policies/graph_actor_critic.h"
#include "tests/engine/errors.h"
#include "tests/models/graph_fixture.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

/// A colony network that spawns by its own numbers, and its optimizer.
struct ColonyLearner {
  explicit ColonyLearner(Backend& device) : backend(device) {
    model.encoder.num_layers = 2;
    model.value_components = 6;
    model.continuous_dims = kDims;
    model.backbone.freeze_mode = "until_layer3";
    network = std::make_unique<GraphActorCritic>(backend, model);
    fill_closed_form(*network);
    optimizer = std::make_unique<Adam>(network->param_groups());
  }

  static constexpr std::int64_t kDims = 4;

  /// Two states of so many cells, padded, with closed-form targets; the first cell of each spawns.
  Minibatch minibatch(int first_cells, int second_cells, const std::string& seed) const {
    const std::vector<Observation> observations = {graph_observation(first_cells, seed + "1"),
                                                   graph_observation(second_cells, seed + "2")};
    Minibatch m;
    m.states = network->make_batch({&observations[0], &observations[1]}, BatchPadding::kBuckets);
    const auto rows = static_cast<std::size_t>(m.states.padded_rows);
    const auto floats = [&](const char* name, const Shape& shape) {
      return Tensor::from_host(
          backend, shape,
          closed_form_values(seed + name, static_cast<std::size_t>(numel(shape)), 1.0));
    };
    m.decisions = Tensor::from_host(backend, std::vector<std::int32_t>(rows, 1));
    m.discrete = {m.states.row_offsets, floats("old", {static_cast<std::int64_t>(rows)}),
                  floats("advantage", {2}), 0.1f, SurrogateRatio::kPerNode};
    const Shape values{2, 6};
    m.value = {floats("values", values), floats("returns", values), floats("weights", {6}),
               ValueLossKind::kSquared, 0.2f};
    const auto integers = [&](const std::vector<std::int32_t>& values) {
      return Tensor::from_host(backend, std::span(values));
    };
    constexpr std::int64_t kSamples = 8;  // two of them count
    std::vector<std::int32_t> spawned_before(rows + 1, 2), spawning(kSamples, 0);
    spawned_before[0] = 0;
    std::fill_n(spawned_before.begin() + 1, first_cells, 1);
    spawning[1] = first_cells;
    m.raw = floats("raw", {kSamples, kDims});
    m.active_offsets = integers(spawned_before);
    m.active_rows = integers(spawning);
    m.continuous = m.discrete;
    m.continuous.offsets = integers({0, 1, 2});
    m.continuous.old_logp = floats("old_raw", {kSamples});
    return m;
  }

  std::vector<float> follow(GradientStep& step, const Minibatch& m) const {
    const LossParts& losses = step.forward(m);
    std::vector<float> seen = losses.discrete.to_host();
    for (const Tensor& part : {losses.continuous, losses.value}) {
      for (const float v : part.to_host()) seen.push_back(v);
    }
    LossWeights weights{{0.7f, -0.1f, 0, 0}, {0.3f, -0.05f, 0, 0}, std::vector<float>(7)};
    weights.value[0] = 0.5f;
    for (const double n : step.descend(weights, {1.0, 1.0, 1.0})) {
      seen.push_back(static_cast<float>(n));
    }
    return seen;
  }

  Backend& backend;
  ActorCriticConfig model;
  std::unique_ptr<GraphActorCritic> network;
  std::unique_ptr<Adam> optimizer;
};

class GradientSteps : public testing::TestWithParam<Backend*> {};

TEST_P(GradientSteps, EveryDescentNeedsAForwardBeforeIt) {
  const ColonyLearner learner(*GetParam());
  GradientStep step(*learner.network, *learner.optimizer, 0.5, false);
  const LossWeights weights{{0.7f, -0.1f, 0, 0}, {0.3f, -0.05f, 0, 0}, std::vector<float>(7)};
  const auto descend = [&] { step.descend(weights, {1.0, 1.0, 1.0}); };
  const std::string text =
      "[gradient_step] descend needs the minibatch of a forward before it, and has used it up";
  EXPECT_EQ(error_of(descend), text);
  learner.follow(step, learner.minibatch(5, 8, "once"));
  EXPECT_EQ(error_of(descend), text);
}

TEST_P(GradientSteps, ReplaysColoniesOfOneBucketWithTheLossesOfEagerSteps) {
  const ColonyLearner eager(*GetParam()), replayed(*GetParam());
  GradientStep plain(*eager.network, *eager.optimizer, 0.5, false);
  GradientStep recorded(*replayed.network, *replayed.optimizer, 0.5, true);
  const std::vector<std::pair<int, int>> cells = {{5, 8}, {4, 9}, {6, 7}, {9, 4}, {30, 2}, {31, 1}};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string seed = "step" + std::to_string(i);
    const auto [first, second] = cells[i];
    EXPECT_EQ(replayed.follow(recorded, replayed.minibatch(first, second, seed)),
              eager.follow(plain, eager.minibatch(first, second, seed)))
        << i;
  }
  EXPECT_EQ(recorded.recordings(), 2U) << "16 rows, 40 rows";
  EXPECT_EQ(recorded.replays(), 4U);
}

TEST_P(GradientSteps, AnAbandonedMinibatchLeavesNoTrace) {
  const ColonyLearner learner(*GetParam()), other(*GetParam());
  GradientStep step(*learner.network, *learner.optimizer, 0.5, true);
  GradientStep plain(*other.network, *other.optimizer, 0.5, false);
  const auto both = [&](const std::string& seed) {
    const std::vector<float> got = learner.follow(step, learner.minibatch(5, 8, seed));
    EXPECT_EQ(got, other.follow(plain, other.minibatch(5, 8, seed))) << seed;
  };
  both("a");
  for (const char* dropped : {"b", "c"}) {  // the first is recorded, the second replayed
    step.forward(learner.minibatch(5, 8, dropped));
    step.abandon();
  }
  both("d");
}

TEST_P(GradientSteps, WhatWasOnlyLookedAtOnceCanBeRecorded) {
  const ColonyLearner learner(*GetParam()), other(*GetParam());
  GradientStep step(*learner.network, *learner.optimizer, 0.5, true);
  GradientStep plain(*other.network, *other.optimizer, 0.5, false);
  step.forward(learner.minibatch(5, 8, "a"));  // no gradient of these shapes has been computed
  step.abandon();
  EXPECT_EQ(learner.follow(step, learner.minibatch(5, 8, "b")),
            other.follow(plain, other.minibatch(5, 8, "b")));
  EXPECT_EQ(step.replays(), 1U);
}

TEST_P(GradientSteps, AnotherFreezeModeForgetsWhatWasRecorded) {
  const ColonyLearner learner(*GetParam());
  GradientStep step(*learner.network, *learner.optimizer, 0.5, true);
  for (const char* seed : {"a", "b", "c"}) learner.follow(step, learner.minibatch(5, 8, seed));
  EXPECT_EQ(step.replays(), 2U);
  learner.network->set_freeze_mode(find_freeze_mode("none"), 1e-4);
  learner.optimizer->set_groups(learner.network->param_groups());
  learner.follow(step, learner.minibatch(5, 8, "d"));
  EXPECT_EQ(step.replays(), 2U) << "the first of the new mode runs eagerly";
  learner.follow(step, learner.minibatch(5, 8, "e"));
  EXPECT_EQ(step.recordings(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Devices, GradientSteps, testing::ValuesIn(test_backends()),
                         [](const auto& info) { return "device" + std::to_string(info.index); });

// What a recording is filled from must be all that its minibatch has. A number that is no tensor is
// added to the sum here; it must be the same for all minibatches of equal shapes.
TEST(Minibatch, TensorsAreAllThatItHoldsButTheseNumbers) {
  Minibatch m;
  const std::vector<Tensor*> tensors = m.tensors();
  const std::set<Tensor*> distinct(tensors.begin(), tensors.end());
  EXPECT_EQ(distinct.size(), tensors.size());
  const std::size_t graph = sizeof m.states.graphs.graphs + sizeof m.states.graphs.nodes +
                            sizeof m.states.graphs.index.rows + sizeof m.states.graphs.index.edges;
  const std::size_t states =
      sizeof m.states.states + sizeof m.states.padded_rows + sizeof m.states.frames;
  const std::size_t surrogate = sizeof m.discrete.clip_epsilon + sizeof m.discrete.ratio;
  const std::size_t value = sizeof m.value.kind + sizeof m.value.range;
  EXPECT_EQ(tensors.size() * sizeof(Tensor) + graph + states + 2 * surrogate + value, sizeof m)
      << "Minibatch or a struct in it has a new member: name it in Minibatch::tensors(), or here";
}

TEST(RecordingHeap, HandsReleasedBlocksOutAgainAndGivesAllBackAtOnce) {
  std::vector<std::size_t> taken;
  std::vector<std::byte> memory(std::size_t{1} << 20);
  std::size_t used = 0;
  int given = 0;
  cuda::RecordingHeap heap(
      [&](std::size_t bytes) {
        taken.push_back(bytes);
        void* data = memory.data() + used;
        used += bytes;
        return data;
      },
      [&](void*) { ++given; });
  void* const a = heap.allocate(1000);
  void* const b = heap.allocate(5000);
  EXPECT_EQ(taken, (std::vector<std::size_t>{1024, 5120}));
  EXPECT_TRUE(heap.release(b));
  void* const small = heap.allocate(600);
  EXPECT_NE(small, b) << "a block far too large stays free";
  EXPECT_EQ(heap.allocate(4700), b);
  EXPECT_FALSE(heap.release(memory.data() + memory.size() - 1)) << "not from here";
  EXPECT_EQ(heap.bytes(), 1024U + 5120U + 1024U);
  heap.release(a);
  heap.trim();
  EXPECT_EQ(given, 0) << "blocks are in use";
  EXPECT_EQ(heap.idle_bytes(), 1024U);
  heap.release(small);
  heap.release(b);
  {
    const std::shared_ptr<const void> recording = heap.hold();
    heap.trim();
    EXPECT_EQ(given, 0) << "recorded work may run again";
  }
  heap.trim();
  EXPECT_EQ(given, 3);
  EXPECT_EQ(heap.bytes(), 0U);
}

TEST(RecordingHeap, WhereItIsAmpleABlockOfTwiceTheSizeWillDo) {
  std::vector<std::byte> blocks(4);  // addresses to tell them by
  std::size_t taken = 0;
  cuda::RecordingHeap heap([&](std::size_t) { return &blocks.at(taken++); }, [](void*) {});
  void* const large = heap.allocate(cuda::RecordingHeap::kAmple);
  heap.release(large);
  EXPECT_NE(heap.allocate(1000), large) << "a small tensor does not take it whole";
  EXPECT_EQ(heap.allocate(cuda::RecordingHeap::kAmple / 2), large);
  EXPECT_NE(heap.allocate(cuda::RecordingHeap::kAmple / 2), large) << "in use";
  EXPECT_EQ(taken, 3U);
}

}  // namespace
}  // namespace frost
