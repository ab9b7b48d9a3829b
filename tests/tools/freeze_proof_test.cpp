#include "tools/lab/freeze_proof.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "engine/dry_run.h"
#include "tools/lab/memory_forecast.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

const std::vector<std::string> kModes = {
    "none",         "all",        "until_layer1", "until_layer2", "until_layer3",
    "until_layer4", "last_block", "layer4.1",     "layer2.1",     "bn_affine"};

Config small_config(const std::string& mode, const std::string& architecture = "resnet18") {
  return parse_config(
      "environment: {max_critical_nodes: 48, threshold_critical_nodes: 64}\n"
      "actor_critic: {pretrained_weights: random}\n"
      "algorithm: {enable_kl_early_stop: false}\n"
      "trainer: {num_envs: 2, rollout_steps: 8, minibatch_size: 4, update_epochs: 1}\n",
      "test",
      {"actor_critic.backbone.freeze_mode=" + mode,
       "actor_critic.backbone.architecture=" + architecture, "system.threads=1"});
}

/// Statements that fail, in order.
std::vector<std::string> failures(const std::vector<Claim>& claims) {
  std::vector<std::string> failed;
  for (const Claim& c : claims) {
    if (!c.holds) failed.push_back(c.statement);
  }
  return failed;
}

using Failures = std::vector<std::string>;

NamedTensor find(const std::vector<NamedTensor>& tensors, const std::string& name) {
  return *std::find_if(tensors.begin(), tensors.end(),
                       [&](const NamedTensor& t) { return t.name == name; });
}

void change_one_value(Tensor tensor) {
  std::vector<float> values = tensor.to_host();
  values.back() = std::nextafter(values.back(), 1e30f);
  tensor.copy_from_host(values);
}

TEST(FreezeProof, AllClaimsHoldAfterARealUpdateInEveryMode) {
  for (const std::string& mode : kModes) {
    SCOPED_TRACE(mode);
    Trainer trainer(small_config(mode), false);
    const FreezeProof proof(trainer.backbone(), trainer.optimizer());
    trainer.ppo().update();
    EXPECT_EQ(failures(proof.verify()), Failures{});
  }
}

TEST(FreezeProof, AllClaimsHoldForDeeperBodies) {
  for (const auto& [architecture, mode] :
       {std::pair{"resnet34", "layer4.2"}, {"resnet50", "all"}, {"resnet50", "layer4.2"}}) {
    SCOPED_TRACE(std::string(architecture) + " " + mode);
    Trainer trainer(small_config(mode, architecture), false);
    const FreezeProof proof(trainer.backbone(), trainer.optimizer());
    trainer.ppo().update();
    EXPECT_EQ(failures(proof.verify()), Failures{});
  }
}

TEST(FreezeProof, AFrozenBodyKeepsWhatTheTableOfItsConvolutionsSays) {
  EXPECT_EQ(frozen_body_saved_bytes(resnet_spec(18), 24), 5'952);
  for (const int depth : {18, 34, 50}) {
    Trainer trainer(small_config("all", resnet_name(depth)), false);
    EXPECT_EQ(saved_body_bytes(trainer.backbone(), trainer.backbone().actor_body()),
              static_cast<double>(frozen_body_saved_bytes(resnet_spec(depth), 24)))
        << depth;
  }
}

TEST(FreezeProof, ObservedMarksWidenTheNodeProjection) {
  Config config = parse_config(
      "environment: {simple_delete_only_mode: true, centroid_distance_only_mode: false}\n"
      "actor_critic: {pretrained_weights: random}\n"
      "trainer: {num_envs: 2, rollout_steps: 8, minibatch_size: 4, update_epochs: 1}\n",
      "test", {"system.threads=1"});
  EXPECT_EQ(expected_counts(model_config(config)).encoder, 368'896 + 128);
  Trainer trainer(config, false);
  const FreezeProof proof(trainer.backbone(), trainer.optimizer());
  trainer.ppo().update();
  EXPECT_EQ(failures(proof.verify()), Failures{});
}

TEST(FreezeProof, TamperingAfterTheSnapshotIsFoundAndNamed) {
  Trainer trainer(small_config("all"), false);
  const FreezeProof proof(trainer.backbone(), trainer.optimizer());
  trainer.ppo().update();
  change_one_value(
      find(trainer.backbone().parameters(), "actor.body.layer3.0.conv1.weight").tensor);
  const std::vector<Claim> after_weight = proof.verify();
  EXPECT_EQ(failures(after_weight), Failures{"every frozen tensor is bit-identical"});
  EXPECT_NE(after_weight[1].finding.find("actor.body.layer3.0.conv1.weight"), std::string::npos);

  change_one_value(find(trainer.backbone().buffers(), "critic.body.bn1.running_var").tensor);
  EXPECT_EQ(failures(proof.verify()), (Failures{"every frozen tensor is bit-identical",
                                                "every running statistic is bit-identical"}));
}

TEST(FreezeProof, AGradientBufferOfAFrozenTensorIsFound) {
  Trainer trainer(small_config("all"), false);
  const FreezeProof proof(trainer.backbone(), trainer.optimizer());
  trainer.ppo().update();
  find(trainer.backbone().parameters(), "actor.body.bn1.bias").tensor.allocate_grad();
  EXPECT_EQ(failures(proof.verify()), Failures{"gradients take 4 bytes per trainable parameter"});
}

TEST(FreezeProof, WithoutAnUpdateNothingMovedAndNoGradientArrived) {
  Trainer trainer(small_config("until_layer3"), false);
  const FreezeProof proof(trainer.backbone(), trainer.optimizer());
  EXPECT_EQ(failures(proof.verify()),
            (Failures{"gradient flows through the body to encoder",
                      "gradient flows through the body to actor.feature_proj",
                      "gradient flows through the body to critic.feature_proj",
                      "group backbone moved", "group heads moved", "group encoder moved"}));
}

TEST(FreezeProof, ExpectedCountsAreThoseOfTheFreezeTable) {
  const auto counts = [](const std::string& mode, const std::string& adapter,
                         const std::string& architecture = "resnet18") {
    ActorCriticConfig config;
    config.value_components = 6;
    config.backbone.freeze_mode = mode;
    config.backbone.input_adapter = adapter;
    config.backbone.architecture = architecture;
    return expected_counts(config);
  };
  const ExpectedCounts all = counts("all", "repeat3");
  EXPECT_EQ(all.total(), 23'053'458);
  EXPECT_EQ(all.trainable(), 700'434);
  EXPECT_EQ(all.actor.parameters, 11'176'512);
  EXPECT_EQ(all.heads, 331'538);
  EXPECT_EQ(all.encoder, 368'896);
  EXPECT_EQ(counts("none", "repeat3").trainable(), 23'053'458);
  EXPECT_EQ(counts("until_layer3", "repeat3").trainable(), 17'487'890);
  EXPECT_EQ(counts("layer4.1", "repeat3").trainable(), 10'141'714);
  EXPECT_EQ(counts("bn_affine", "repeat3").trainable(), 719'634);
  EXPECT_EQ(counts("all", "1ch_conv").critic.parameters, 11'176'512 - 64 * 2 * 49);
  EXPECT_EQ(counts("all", "repeat3", "resnet34").actor.parameters, 21'284'672);
  EXPECT_EQ(counts("layer4.2", "repeat3", "resnet34").critic.trainable, 4'720'640);
  const ExpectedCounts fifty = counts("layer4.2", "repeat3", "resnet50");
  EXPECT_EQ(fifty.actor.parameters, 23'508'032);
  EXPECT_EQ(fifty.critic.trainable, 4'462'592);
  EXPECT_EQ(fifty.heads, all.heads + 2 * 1536 * 128) << "trunks on 2048 features";
}

TEST(FreezeProof, ExpectedCountsOfACriticWithABodyOfItsOwn) {
  ActorCriticConfig config;
  config.value_components = 6;
  config.backbone.freeze_mode = "all";
  const ExpectedCounts same = expected_counts(config);
  config.backbone.critic_architecture = "resnet50";
  const ExpectedCounts deeper = expected_counts(config);
  EXPECT_EQ(deeper.actor.parameters, 11'176'512);
  EXPECT_EQ(deeper.critic.parameters, 23'508'032);
  EXPECT_EQ(deeper.heads, same.heads + 1536 * 128) << "one trunk on 2048 features";
  EXPECT_EQ(deeper.trainable(), deeper.heads + deeper.encoder);
}

TEST(FreezeProof, AllClaimsHoldWhereTheCriticIsDeeper) {
  for (const std::string mode : {"all", "layer4.1"}) {
    Config config = small_config(mode);
    config.model.backbone.critic_architecture = "resnet34";
    Trainer trainer(config, false);
    const FreezeProof proof(trainer.backbone(), trainer.optimizer());
    trainer.ppo().update();
    EXPECT_EQ(failures(proof.verify()), Failures{});
  }
}

TEST(FreezeProof, TheJsonHoldsCountsGroupsBytesAndClaims) {
  Trainer trainer(small_config("all"), false);
  const FreezeProof proof(trainer.backbone(), trainer.optimizer());
  trainer.backend().ledger().reset_peaks();
  trainer.ppo().update();
  const std::vector<Claim> claims = proof.verify();
  const MemoryLedger::Bytes bytes = trainer.backend().ledger().snapshot();
  const auto json = nlohmann::json::parse(
      freeze_proof_json(trainer.backbone(), trainer.optimizer(), bytes, bytes, claims));
  EXPECT_EQ(json["counts"]["trainable"], 700'434);
  EXPECT_EQ(json["groups"].size(), 2u);
  EXPECT_EQ(json["bytes"]["predicted"]["gradients"], 4 * 700'434);
  EXPECT_EQ(json["bytes"]["measured"]["optimizer"], 8 * 700'434);
  EXPECT_EQ(json["bytes"]["measured"]["parameters"], json["bytes"]["predicted"]["parameters"]);
  EXPECT_EQ(json["architecture"], "resnet18");
  EXPECT_EQ(json["bytes"]["saved_body"], 5'952);
  EXPECT_EQ(json["claims"].size(), claims.size());
  EXPECT_EQ(json["claims"][0]["holds"], true);
}

TEST(FreezeProof, OnPicturesTheFeaturesOfThePrefixAreProvedToo) {
  const std::string claim = "features of the frozen prefix do not depend on the batch, to the bit";
  for (const std::string mode : {"layer4.1", "none"}) {
    Config config = small_config(mode);
    config.model.observation = ObservationKind::kImage;
    config.environment.image_size = 40;
    Trainer trainer(config, false);
    const FreezeProof proof(trainer.backbone(), trainer.optimizer());
    trainer.ppo().update();
    const std::vector<Claim> claims = proof.verify();
    EXPECT_EQ(failures(claims), Failures{});
    const auto found = std::find_if(claims.begin(), claims.end(),
                                    [&](const Claim& c) { return c.statement == claim; });
    EXPECT_EQ(found != claims.end(), mode == "layer4.1");
    if (found != claims.end()) {
      EXPECT_EQ(found->finding, "8 units, 9 pictures of 2048 floats");
    }
  }
}

class Forecast : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

// Allocating alone predicts what computing needs, in every mode and for both kinds of observation.
TEST_P(Forecast, TheDryRunPredictsTheBytesOfARealUpdate) {
  const auto& [mode, kind] = GetParam();
  Config config = parse_config(
      "actor_critic: {pretrained_weights: random}\n"
      "algorithm: {enable_kl_early_stop: false}\n"
      "trainer: {num_envs: 2, rollout_steps: 16, minibatch_size: 8, update_epochs: 1}\n",
      "test",
      {"actor_critic.backbone.freeze_mode=" + mode, "observation.kind=" + kind,
       "system.threads=1"});
  config.environment.image_size = 40;
  BenchWorkload workload;
  workload.environments = 2;
  workload.steps = 16;
  workload.size = 6;
  workload.image_size = 40;
  const auto records = record_workload(workload, config, config.model.observation);
  const EnvironmentFactory replay = replay_factory(records);
  const MemoryLedger::Bytes predicted = forecast_update(config, replay, config.ppo);
  const NetworkSetup setup = build_network(config, false);
  Adam optimizer(setup.network->param_groups());
  reset_memory_peaks(*setup.backend);
  replay_update(*setup.network, optimizer, replay, config.ppo);
  const MemoryLedger::Bytes measured = memory_of(*setup.backend);
  for (const Claim& claim : compare_forecast(predicted, measured)) {
    EXPECT_TRUE(claim.holds) << claim.statement << ": " << claim.finding;
  }
  EXPECT_GT(predicted.peak_of(MemoryTag::kParameters), 4 * 22'000'000);

  MemoryLedger::Bytes wrong = predicted;
  wrong.peak[static_cast<std::size_t>(MemoryTag::kRollout)] += 1;
  wrong.peak[static_cast<std::size_t>(MemoryTag::kWorkspace)] *= 2;
  EXPECT_EQ(failures(compare_forecast(wrong, measured)).size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Modes, Forecast,
                         testing::Combine(testing::ValuesIn(kModes),
                                          testing::Values("graph", "image")),
                         [](const auto& info) {
                           std::string name = std::get<0>(info.param) + std::get<1>(info.param);
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace frost
