#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/errors.h"
#include "tests/engine/errors.h"
#include "tests/rl/same_state.h"
#include "tools/config/config_text.h"
#include "tools/runs/trainer.h"

// An update that is stopped between any two steps of its work, saved, and gone on with.
namespace frost {
namespace {

struct UpdateCase {
  const char* name;
  const char* yaml;
  int steps, minibatch;  ///< of a rollout over 2 environments
  int places;            ///< where an update of two epochs can stop
};

std::ostream& operator<<(std::ostream& out, const UpdateCase& c) {
  return out << c.name;
}

#define FROST_TEST_COLONY                                                                \
  "environment: {substrate_params: {m: 0.05}, init_num_nodes: 2, max_critical_nodes: 6," \
  " max_steps: 2}\n"

const UpdateCase kCases[] = {
    {"Choices", "environment: {name: CartPole-v1}\n", 40, 16, 20 + 5},
    {"Continuous", "environment: {name: Pendulum-v1}\n", 420, 200, 210 + 5},
    {"HybridWithScaledLosses",
     "environment: {name: IdentityHybrid}\n"
     "actor_critic: {backbone: {head_lr: 0.03}}\n"
     "algorithm: {lr_schedule: {warmup_updates: 0}}\n"
     "trainer: {gradient_scaling: {enable_adaptive_scaling: true, warmup_steps: 2}}\n",
     24, 10, 12 + 5},
    {"AdaptiveRate",
     "environment: {name: CartPole-v1}\n"
     "algorithm: {lr_schedule: {kind: kl_adaptive, warmup_updates: 0, target_kl: 1e-4}}\n",
     8, 4, 4 + 3},
    {"GraphHybrid",
     FROST_TEST_COLONY "actor_critic: {pretrained_weights: random, backbone: {freeze_mode: all}}\n"
                       "algorithm: {two_stage_curriculum: {stage: 2}}\n",
     4, 3, 2 + 3},
    {"PictureKeptFeatures",
     FROST_TEST_COLONY "observation: {kind: image, image_size: 24}\n"
                       "actor_critic: {pretrained_weights: random, backbone: {freeze_mode: all}}\n",
     6, 4, 3 + 3},
    {"PictureTrainedWhole",
     FROST_TEST_COLONY
     "observation: {kind: image, image_size: 24}\n"
     "actor_critic: {pretrained_weights: random, backbone: {freeze_mode: none}}\n",
     4, 3, 2 + 3}};

Config config_of(const UpdateCase& c) {
  Config config = parse_config(c.yaml, "x.yaml", {});
  config.system.threads = 1;
  config.system.device = "cpu";
  config.ppo.num_envs = 2;
  config.ppo.rollout_steps = c.steps;
  config.ppo.minibatch_size = c.minibatch;
  config.ppo.update_epochs = 2;
  config.ppo.enable_kl_early_stop = false;
  return config;
}

Config config_named(const std::string& name) {
  for (const UpdateCase& c : kCases) {
    if (c.name == name) return config_of(c);
  }
  throw Error("no case is called " + name);
}

/// Stops at the first place where it is asked.
bool at_once() {
  return true;
}

/// Asks for a stop at the given place, counted from 1.
Ppo::StopRequest at_place(int place) {
  return [place]() mutable { return --place == 0; };
}

class UnfinishedUpdates : public testing::TestWithParam<UpdateCase> {};

// The second update, so that what the first left behind matters.
TEST_P(UnfinishedUpdates, GoesOnInOtherObjectsWithTheSameBitsWhereverItStops) {
  const Config config = config_of(GetParam());
  Trainer whole(config, false);
  whole.ppo().update();
  auto part = std::make_unique<Trainer>(config, true);
  part->restore(whole.checkpoint());
  const Metrics want = whole.ppo().update();
  int places = 0;
  std::optional<Metrics> got;
  while (!(got = part->ppo().update(at_once))) {
    EXPECT_TRUE(part->ppo().unfinished());
    ++places;
    auto next = std::make_unique<Trainer>(config, true);
    next->restore(part->checkpoint());
    expect_same_checkpoint(next->checkpoint(), part->checkpoint());
    part = std::move(next);
  }
  EXPECT_EQ(places, GetParam().places);
  EXPECT_FALSE(part->ppo().unfinished());
  expect_same_metrics(*got, want);
  expect_same_checkpoint(part->checkpoint(), whole.checkpoint());
  ASSERT_EQ(part->ppo().finished_episodes().size(), whole.ppo().finished_episodes().size());
}

TEST_P(UnfinishedUpdates, GoesOnInTheSameObjectAndMayBeSavedThere) {
  const Config config = config_of(GetParam());
  Trainer whole(config, false), part(config, false);
  const Metrics want = whole.ppo().update();
  const int collecting = GetParam().steps / 2;
  for (const int more : {1, collecting - 1, 2}) {  // in the middle of each half, and between them
    EXPECT_FALSE(part.ppo().update(at_place(more)));
    part.checkpoint();
  }
  expect_same_metrics(part.ppo().update(), want);
  expect_same_checkpoint(part.checkpoint(), whole.checkpoint());
}

INSTANTIATE_TEST_SUITE_P(Cases, UnfinishedUpdates, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

// The cases hold what their names say, and the parts of a rollout that are rare.
TEST(UnfinishedUpdateCases, KeepFeaturesAndCutEpisodesWhereTheyShould) {
  for (const UpdateCase& c : kCases) {
    SCOPED_TRACE(c.name);
    Trainer trainer(config_of(c), false);
    ASSERT_FALSE(trainer.ppo().update(at_place(c.steps / 2)));
    const StateDict state = trainer.checkpoint().tensors;
    const bool kept = std::string(c.name) == "PictureKeptFeatures";
    EXPECT_EQ(state.contains("ppo.rollout.features"), kept);
    const bool picture = std::string(c.name).starts_with("Picture");
    EXPECT_EQ(state.contains("ppo.rollout.observation.pixels"), picture && !kept);
    EXPECT_EQ(state.contains("ppo.rollout.final_observation.pixels"), picture);
    const bool graph = std::string(c.name) == "GraphHybrid";
    EXPECT_EQ(state.contains("ppo.rollout.final_observation.edge_source"), graph);
    EXPECT_EQ(state.contains("ppo.rollout.final_observation.values"),
              picture || std::string(c.name) == "Continuous");
    EXPECT_FALSE(state.contains("ppo.learning.order"));
  }
}

// No sum of this case could be lost, or taken for another.
TEST(UnfinishedUpdateCases, HaveSumsThatAreAllDifferent) {
  Trainer trainer(config_named("HybridWithScaledLosses"), false);
  ASSERT_FALSE(trainer.ppo().update(at_place(17)));
  std::vector<double> sums =
      trainer.checkpoint().tensors.at("ppo.learning.sums").to_doubles("sums");
  sums.pop_back();  // the norm of the only group is that of all
  sums.push_back(0);
  std::sort(sums.begin(), sums.end());
  EXPECT_EQ(std::adjacent_find(sums.begin(), sums.end()), sums.end());
}

// Else a run that was stopped seems faster than it is.
TEST(UnfinishedUpdateState, HoldsTheSecondsOfAllObjectsThatWorkedAtIt) {
  const Config config = config_named("HybridWithScaledLosses");
  Trainer first(config, false), second(config, true);
  ASSERT_FALSE(first.ppo().update(at_place(14)));
  const UpdateTiming spent = first.ppo().timing();
  EXPECT_GT(spent.collect_seconds, 0);
  EXPECT_GT(spent.learn_seconds, 0);
  second.restore(first.checkpoint());
  EXPECT_EQ(second.ppo().timing().learn_seconds, spent.learn_seconds);
  second.ppo().update();
  EXPECT_EQ(second.ppo().timing().collect_seconds, spent.collect_seconds);
  EXPECT_GT(second.ppo().timing().learn_seconds, spent.learn_seconds);
  second.ppo().update();
  EXPECT_NE(second.ppo().timing().collect_seconds, spent.collect_seconds) << "of one update";
}

TEST(UnfinishedUpdateState, IsGoneWithTheUpdate) {
  Trainer trainer(config_named("AdaptiveRate"), false);
  ASSERT_FALSE(trainer.ppo().update(at_once));
  trainer.ppo().update();
  for (const auto& [name, tensor] : trainer.checkpoint().tensors) {
    EXPECT_FALSE(name.starts_with("ppo.rollout") || name.starts_with("ppo.learning")) << name;
  }
}

TEST(UnfinishedUpdateState, IsDroppedByAStateWithoutOne) {
  const Config config = config_named("AdaptiveRate");
  Trainer trainer(config, false);
  const SafetensorsFile fresh = trainer.checkpoint();
  ASSERT_FALSE(trainer.ppo().update(at_once));
  trainer.restore(fresh);
  EXPECT_FALSE(trainer.ppo().unfinished());
  expect_same_checkpoint(trainer.checkpoint(), fresh);
}

/// A checkpoint within the update: after `places` stops.
StateDict stopped_state(const std::string& name, int places) {
  Trainer trainer(config_named(name), false);
  EXPECT_FALSE(trainer.ppo().update(at_place(places)));
  return trainer.checkpoint().tensors;
}

/// What `Ppo::load` says of the state.
std::string refusal(Trainer& trainer, const StateDict& state) {
  return error_of([&] { trainer.ppo().load(state); });
}

/// The tensor with the `at`th value replaced.
template <class T>
HostTensor with_value(const HostTensor& tensor, std::size_t at, T value) {
  std::vector<std::byte> bytes(tensor.bytes.begin(), tensor.bytes.end());
  std::memcpy(bytes.data() + at * sizeof(T), &value, sizeof(T));
  return {tensor.dtype, tensor.shape, std::move(bytes)};
}

// Each is one damage of one tensor; the message is one line that names it.
TEST(UnfinishedUpdateState, ThatIsDamagedIsRefusedByTensor) {
  Trainer trainer(config_named("GraphHybrid"), false);
  const StateDict sound = stopped_state("GraphHybrid", 3);
  const auto expect = [&](const std::string& name, const HostTensor& damaged) {
    StateDict state = sound;
    ASSERT_TRUE(state.contains(name)) << name;
    state[name] = damaged;
    const std::string problem = refusal(trainer, state);
    EXPECT_NE(problem.find("'" + name), std::string::npos) << name << ": " << problem;
    EXPECT_EQ(problem.find('\n'), std::string::npos);
  };
  const auto replaced = [&](const std::string& name, auto value) {
    expect(name, with_value(sound.at(name), 0, value));
  };
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr std::int64_t kHuge = std::int64_t{1} << 61;
  for (const std::int64_t bad : {std::int64_t{-1}, std::int64_t{4}, kHuge}) {
    replaced("ppo.learning.order", bad);
  }
  for (const std::int64_t bad : {std::int64_t{-1}, std::int64_t{5}, kHuge}) {
    replaced("ppo.learning.progress", bad);
  }
  for (const char* name : {"edge_source", "edge_target"}) {
    replaced(std::string("ppo.rollout.observation.") + name, std::int32_t{-1});
    replaced(std::string("ppo.rollout.final_observation.") + name, std::int32_t{1000});
  }
  replaced("ppo.rollout.decisions", std::int32_t{-1});
  replaced("ppo.rollout.decisions", std::int32_t{2});
  for (const char* name : {"logp", "raw", "raw_logp", "values"}) {
    replaced(std::string("ppo.rollout.") + name, kNaN);
  }
  replaced("ppo.rollout.advantage", std::numeric_limits<double>::infinity());
  replaced("ppo.rollout.returns", std::numeric_limits<double>::quiet_NaN());
  replaced("ppo.rollout.steps", std::int64_t{2});
  replaced("ppo.learning.sums", std::numeric_limits<double>::quiet_NaN());
  replaced("ppo.finished", -1.0);
  replaced("ppo.seconds", -1.0);
  replaced("ppo.seconds", std::numeric_limits<double>::infinity());
  for (const auto& [name, tensor] : sound) {
    if (!name.starts_with("ppo.rollout") && !name.starts_with("ppo.learning")) continue;
    if (name.ends_with(".lengths")) {
      for (const std::int64_t bad : {std::int64_t{-1}, kHuge}) replaced(name, bad);
    }
    HostTensor text = tensor;
    text.dtype = "C64";
    expect(name, text);
    std::vector<std::byte> cut(tensor.bytes.begin(), tensor.bytes.end() - 1);
    expect(name, {tensor.dtype, tensor.shape, std::move(cut)});
  }
}

TEST(UnfinishedUpdateState, LacksNoTensor) {
  const StateDict sound = stopped_state("GraphHybrid", 3);
  Trainer trainer(config_named("GraphHybrid"), false);
  trainer.ppo().load(sound);
  for (const auto& [name, tensor] : sound) {
    if (!name.starts_with("ppo.")) continue;
    StateDict state = sound;
    state.erase(name);
    EXPECT_NE(refusal(trainer, state).find("'" + name + "'"), std::string::npos) << name;
  }
}

TEST(UnfinishedUpdateState, FitsTheRolloutAndTheFeaturesOfNow) {
  const StateDict sound = stopped_state("PictureKeptFeatures", 4);
  Config longer = config_named("PictureKeptFeatures");
  longer.ppo.rollout_steps = 12;
  Trainer other(longer, false);
  EXPECT_NE(refusal(other, sound).find("the rollout is not full yet"), std::string::npos);
  longer.ppo.rollout_steps = 2;
  Trainer shorter(longer, false);
  EXPECT_NE(refusal(shorter, sound).find("do not fit 2 environments with 1 transitions"),
            std::string::npos);
  Config uncached = config_named("PictureKeptFeatures");
  uncached.model.backbone.savings.cache = false;
  Trainer without(uncached, false);
  EXPECT_NE(refusal(without, sound).find("'ppo.rollout.observation.pixels'"), std::string::npos);
  StateDict narrow = sound;
  narrow["ppo.rollout.features"].shape[1] /= 2;
  Trainer trainer(config_named("PictureKeptFeatures"), false);
  const std::string problem = refusal(trainer, narrow);
  EXPECT_NE(problem.find("'ppo.rollout.features' is [6,256]"), std::string::npos) << problem;
}

// What was there before a load that fails goes on undisturbed.
TEST(UnfinishedUpdateState, ThatIsRefusedChangesNothing) {
  const Config config = config_named("HybridWithScaledLosses");
  Trainer trainer(config, false);
  ASSERT_FALSE(trainer.ppo().update(at_place(15)));
  const SafetensorsFile before = trainer.checkpoint();
  StateDict damaged = stopped_state("HybridWithScaledLosses", 14);
  damaged["ppo.finished"] = HostTensor::from_doubles({1, 2, 3});
  refusal(trainer, damaged);
  expect_same_checkpoint(trainer.checkpoint(), before);
}

}  // namespace
}  // namespace frost
