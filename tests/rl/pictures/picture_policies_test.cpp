#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <tuple>

#include "engine/autograd.h"
#include "kernels/backend_registry.h"
#include "models/policies/backbone_network.h"
#include "models/policies/policy_factory.h"
#include "rl/environment_registry.h"
#include "rl/frame_stack.h"
#include "rl/network_config.h"
#include "rl/ppo/ppo.h"
#include "tests/golden/closed_form_resnet.h"
#include "tests/op_table/op_cases.h"
#include "tests/rl/pictures/bars.h"
#include "tests/rl/same_state.h"
#include "tools/lab/freeze_proof.h"
#include "tools/reports/parameter_report.h"

// Policies of pictures: every form of a picture with every action space, freeze mode and number of
// frames, through whole updates.
namespace frost {
namespace {

/// Picture, action space, freeze mode or "impala", frames. Behind the mode, "_critic34": the critic
/// has a deeper body than the actor; "_standardized": what the trunks read is, and deviations are
/// parameters.
using Case = std::tuple<std::string, std::string, std::string, int>;

/// PPO on the bars of an Identity environment, with bodies of closed form; no update counts on
/// what is not in `save`.
class Learner {
 public:
  Learner(const Case& c, Backend& backend, bool cache = true, bool record = false,
          const std::string& tap = "pooled", const std::string& tap_head = "pool")
      : environments_(factory_of(c), 2, 5) {
    ActorCriticConfig config = fit_to_environment({}, environments_.spec());
    config.hidden_dim = 16;
    config.picture.frame_difference = true;
    const std::string& mode = std::get<2>(c);
    if (mode == "impala") {
      config.body = mode;
    } else {
      config.backbone.freeze_mode = mode.substr(0, mode.find('_'));
      if (mode.ends_with("_critic34")) config.backbone.critic_architecture = "resnet34";
      config.standardize_features = mode.ends_with("_standardized");
      config.state_dependent_std = !config.standardize_features;
    }
    config.backbone.savings.cache = cache;
    config.backbone.tap = tap;
    config.backbone.tap_head = tap_head;
    network_ = make_policy_network(backend, config);
    RandomStream random(3, StreamPurpose::kInit);
    network_->initialize(random, false);
    if (BackboneNetwork* bodies = find_backbone(*network_)) {
      const int depth = bodies->critic_body().spec().depth;
      bodies->load_bodies(closed_form_resnet(18), closed_form_resnet(depth));
    }
    optimizer_ = std::make_unique<Adam>(network_->param_groups());
    PpoConfig ppo;
    ppo.num_envs = 2;
    ppo.rollout_steps = 8;
    ppo.minibatch_size = 6;
    ppo.update_epochs = 1;
    ppo.enable_kl_early_stop = false;
    ppo.record_minibatches = record;
    ppo_ = std::make_unique<Ppo>(*network_, *optimizer_, environments_, ppo, 11);
  }

  static EnvironmentFactory factory_of(const Case& c) {
    const auto& [picture, space, mode, frames] = c;
    return
        [numbers = find_environment("Identity" + space), channels = picture == "Grey" ? 1 : 3,
         values = picture == "ColorAndVector", resumes = picture != "Forgetful", stacked = frames] {
          auto bars = std::make_unique<Bars>(numbers(), channels, values, resumes);
          bars->limit_time(3);
          return std::make_unique<FrameStack>(std::move(bars), stacked);
        };
  }

  PolicyNetwork& network() { return *network_; }
  Ppo& ppo() { return *ppo_; }
  SafetensorsFile save() const {
    SafetensorsFile file;
    file.tensors = network_->state_dict("network.");
    optimizer_->save(file.tensors);
    environments_.save(file.tensors);
    ppo_->save(file.tensors);
    file.tensors.erase("ppo.seconds");
    return file;
  }
  void load(const Learner& other) {
    StateDict state = other.save().tensors;
    state["ppo.seconds"] = HostTensor::from_doubles({0, 0});
    network_->load_state_dict(state, false, "network.");
    optimizer_->load(state);
    environments_.load(state);
    ppo_->load(state);
  }

 private:
  VectorEnvironment environments_;
  std::unique_ptr<PolicyNetwork> network_;
  std::unique_ptr<Adam> optimizer_;
  std::unique_ptr<Ppo> ppo_;
};

class PicturePolicies : public testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Learner> make(bool cache = true) const {
    return std::make_unique<Learner>(GetParam(), cpu_backend(), cache);
  }
};

TEST_P(PicturePolicies, KeptFeaturesAndAStopChangeNoBit) {
  const auto whole = make();
  const Metrics want = whole->ppo().update();
  EXPECT_GT(want.at("charts/episodes_finished"), 0) << "stacks begin anew within the rollout";
  if (std::get<2>(GetParam()) != "none" && std::get<2>(GetParam()) != "impala") {
    const auto recomputed = make(false);
    expect_same_metrics(recomputed->ppo().update(), want);
    expect_same_checkpoint(recomputed->save(), whole->save());
  }

  auto stopped = make();
  for (int place : {3, 2}) {  // while collecting, and between two minibatches
    ASSERT_FALSE(stopped->ppo().update([&] { return --place == 0; }));
    auto next = make();
    next->load(*stopped);
    stopped = std::move(next);
  }
  expect_same_metrics(stopped->ppo().update(), want);
  expect_same_checkpoint(stopped->save(), whole->save());
}

// Of episodes that do not go on after a load nothing is joined to what follows.
TEST(PictureEpisodes, WhereTheyDoNotGoOnAHalfCollectedRolloutIsCollectedAnew) {
  const Case what{"Forgetful", "Discrete", "all", 3};
  Learner stopped(what, cpu_backend()), next(what, cpu_backend());
  int place = 2;
  ASSERT_FALSE(stopped.ppo().update([&] { return --place == 0; }));
  next.load(stopped);
  EXPECT_FALSE(next.ppo().unfinished());
  EXPECT_EQ(next.ppo().update().at("losses/minibatches"), 2) << "8 new transitions";

  place = 3;  // all is collected, and one minibatch was learned from
  ASSERT_FALSE(stopped.ppo().update([&] { return --place == 0; }));
  next.load(stopped);
  EXPECT_TRUE(next.ppo().unfinished());
}

// Bodies that end early, with a part behind the frozen one where the mode leaves any.
TEST(PictureTaps, KeptFeaturesChangeNoBitAndTheCountsAreThoseExpected) {
  for (const std::string mode : {"all", "layer2.1"}) {
    for (const std::string tap : {"stem", "layer2", "layer4"}) {
      for (const std::string head : {"pool", "flatten"}) {
        SCOPED_TRACE(fmt::format("{} {} {}", mode, tap, head));
        const Case what{"Color", "Box", mode, 2};
        Learner kept(what, cpu_backend(), true, false, tap, head);
        Learner recomputed(what, cpu_backend(), false, false, tap, head);
        const BackboneNetwork& network = require_backbone(kept.network());
        const ExpectedCounts expected = expected_counts(network.config());
        const ParameterCounts counts = count_parameters(network);
        EXPECT_EQ(counts.trainable, expected.trainable());
        EXPECT_EQ(counts.trainable + counts.frozen(), expected.total());
        expect_same_metrics(kept.ppo().update(), recomputed.ppo().update());
        expect_same_checkpoint(kept.save(), recomputed.save());
      }
    }
  }
}

/// Sum of everything that a network says of two states, each output with a weight of its own.
struct WeightedOutputs {
  PolicyNetwork& network;
  StateBatch batch;

  std::vector<std::pair<Tensor, std::vector<float>>> parts() const {
    const PolicyOutput out = network.forward(batch);
    std::vector<std::pair<Tensor, std::vector<float>>> all;
    for (const Tensor& t : {out.logits, out.gaussian, out.values}) {
      if (!t.defined()) continue;
      std::vector<float> weights;
      for (std::int64_t i = 0; i < t.numel(); ++i) {
        weights.push_back(std::cos(1.0f + static_cast<float>(i)));
      }
      all.emplace_back(t, std::move(weights));
    }
    return all;
  }

  double operator()() const {
    const NoGradGuard no_grad;
    double sum = 0;
    for (const auto& [tensor, weights] : parts()) {
      const std::vector<float> values = tensor.to_host();
      for (std::size_t i = 0; i < values.size(); ++i) sum += double{values[i]} * weights[i];
    }
    return sum;
  }

  void backpropagate() const {
    std::vector<std::pair<Tensor, Tensor>> seeds;
    for (const auto& [tensor, weights] : parts()) {
      seeds.emplace_back(tensor, Tensor::from_host(network.backend(), tensor.shape(), weights));
    }
    backward(seeds);
  }
};

/// Beginnings of so many episodes.
std::vector<Observation> states_of(const Case& c, std::uint64_t episodes) {
  std::vector<Observation> states;
  for (std::uint64_t seed = 1; seed <= episodes; ++seed) {
    const auto environment = Learner::factory_of(c)();
    environment->reset(seed);
    states.push_back(environment->observe());
  }
  return states;
}

// Along the gradient itself the outputs must change by its norm.
TEST_P(PicturePolicies, GradientsAreThoseOfDifferences) {
  const auto learner = make();
  const std::vector<Observation> states = states_of(GetParam(), 2);
  PolicyNetwork& network = learner->network();
  const WeightedOutputs outputs{network, network.make_batch({&states[0], &states[1]})};
  if (network.awaits_statistics()) {
    const std::vector<Observation> seen = states_of(GetParam(), 16);
    std::vector<const Observation*> views;
    for (const Observation& state : seen) views.push_back(&state);
    network.set_statistics(network.statistics_of(network.make_batch(views)));
  }
  std::vector<NamedTensor> trained = network.parameters();
  std::erase_if(trained, [](const NamedTensor& p) { return !p.tensor.requires_grad(); });
  for (NamedTensor& p : trained) p.tensor.zero_grad();
  outputs.backpropagate();
  double squares = 0;
  for (const NamedTensor& p : trained) {
    for (const float g : p.tensor.grad().to_host()) squares += double{g} * g;
  }
  const double norm = std::sqrt(squares), step = 2e-4 / norm;
  const auto moved = [&](double by) {
    for (NamedTensor& p : trained) {
      std::vector<float> values = p.tensor.to_host();
      const std::vector<float> gradient = p.tensor.grad().to_host();
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] += static_cast<float>(by * gradient[i]);
      }
      p.tensor.copy_from_host(values);
    }
    return outputs();
  };
  const double above = moved(step), below = moved(-2 * step);
  EXPECT_NEAR((above - below) / (2 * step * squares), 1.0, 0.02);
}

std::string name_of(const Case& c) {
  const auto& [picture, space, mode, frames] = c;
  std::string name = fmt::format("{}_{}_{}_{}frames", picture, space, mode, frames);
  std::erase(name, '.');
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Table, PicturePolicies,
    testing::Combine(testing::Values("Grey", "Color", "ColorAndVector"),
                     testing::Values("Discrete", "MultiDiscrete", "Box", "Hybrid"),
                     testing::Values("all", "layer4.1"), testing::Values(1, 3)),
    [](const auto& info) { return name_of(info.param); });

// Bodies that train whole; nothing of them is kept.
INSTANTIATE_TEST_SUITE_P(Whole, PicturePolicies,
                         testing::Combine(testing::Values("Grey", "Color", "ColorAndVector"),
                                          testing::Values("Discrete", "MultiDiscrete", "Box",
                                                          "Hybrid"),
                                          testing::Values("none"), testing::Values(1, 3)),
                         [](const auto& info) { return name_of(info.param); });

INSTANTIATE_TEST_SUITE_P(FromScratch, PicturePolicies,
                         testing::Combine(testing::Values("Grey", "Color", "ColorAndVector"),
                                          testing::Values("Discrete", "MultiDiscrete", "Box",
                                                          "Hybrid"),
                                          testing::Values("impala"), testing::Values(1, 3)),
                         [](const auto& info) { return name_of(info.param); });

INSTANTIATE_TEST_SUITE_P(DeeperCritic, PicturePolicies,
                         testing::Combine(testing::Values("ColorAndVector"),
                                          testing::Values("Hybrid"),
                                          testing::Values("all_critic34", "layer4.1_critic34"),
                                          testing::Values(1, 3)),
                         [](const auto& info) { return name_of(info.param); });

INSTANTIATE_TEST_SUITE_P(Standardized, PicturePolicies,
                         testing::Combine(testing::Values("ColorAndVector"),
                                          testing::Values("Discrete", "Hybrid"),
                                          testing::Values("all_standardized",
                                                          "layer4.1_standardized",
                                                          "none_standardized"),
                                          testing::Values(1, 3)),
                         [](const auto& info) { return name_of(info.param); });

TEST(StandardizedPictures, TheFirstUpdateBeginsWithARolloutForTheStatistics) {
  const Case what{"ColorAndVector", "Box", "all_standardized", 3};
  Learner learner(what, cpu_backend());
  EXPECT_TRUE(learner.network().awaits_statistics());
  EXPECT_EQ(learner.ppo().update().at("charts/global_step"), 16) << "8 for the statistics";
  EXPECT_FALSE(learner.network().awaits_statistics());
  const StateDict before = learner.network().state_dict();
  EXPECT_EQ(before.at("actor.columns.rows").to_floats("rows"), std::vector<float>{8});
  EXPECT_EQ(learner.ppo().update().at("charts/global_step"), 24);
  const StateDict after = learner.network().state_dict();
  for (const char* name : {"actor.columns.mean", "critic.columns.variance"}) {
    EXPECT_EQ(before.at(name).to_floats(name), after.at(name).to_floats(name)) << name;
  }
  EXPECT_EQ(after.at("actor.logstd.weight").to_floats("weight"),
            std::vector<float>(static_cast<std::size_t>(after.at("actor.logstd.weight").numel())))
      << "no picture changes a deviation";
  EXPECT_NE(after.at("actor.logstd.bias").to_floats("bias"),
            before.at("actor.logstd.bias").to_floats("bias"));
}

class RecordedPicturePolicies : public testing::TestWithParam<std::tuple<Case, Backend*>> {};

TEST_P(RecordedPicturePolicies, EqualTheEagerOnesBitForBit) {
  const auto& [what, backend] = GetParam();
  Learner eager(what, *backend), recorded(what, *backend, true, true);
  for (int update = 0; update < 2; ++update) {
    expect_same_metrics(recorded.ppo().update(), eager.ppo().update());
  }
  expect_same_checkpoint(recorded.save(), eager.save());
  EXPECT_EQ(recorded.ppo().gradient_step().recordings(), 2U) << "6 states, 2 states";
}

INSTANTIATE_TEST_SUITE_P(
    Devices, RecordedPicturePolicies,
    testing::Combine(testing::Values(Case{"ColorAndVector", "Hybrid", "all", 3},
                                     Case{"Color", "Discrete", "layer4.1", 3},
                                     Case{"ColorAndVector", "Box", "none", 1},
                                     Case{"Grey", "MultiDiscrete", "none", 3},
                                     Case{"ColorAndVector", "Hybrid", "impala", 3},
                                     Case{"Grey", "Discrete", "impala", 1},
                                     Case{"Color", "Box", "all_critic34", 3},
                                     Case{"ColorAndVector", "Box", "all_standardized", 3}),
                     testing::ValuesIn(test_backends())),
    [](const auto& info) {
      return name_of(std::get<Case>(info.param)) + "_Device" +
             std::to_string(info.index % test_backends().size());
    });

}  // namespace
}  // namespace frost
