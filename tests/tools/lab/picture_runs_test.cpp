#include <gtest/gtest.h>

#include "engine/dry_run.h"
#include "tools/lab/bench_workload.h"
#include "tools/lab/freeze_proof.h"
#include "tools/lab/memory_forecast.h"
#include "tools/reports/parameter_report.h"
#include "tools/runs/trainer.h"

// The laboratory on an environment that is drawn: recording, forecast, proof and reports.
namespace frost {
namespace {

/// `mode` is one of freezing, or "impala" for the network from scratch; with "_critic34" behind it
/// the critic's body is a ResNet34.
Config config_of(const std::string& mode, int frames) {
  Config config = parse_config(
      "environment: {name: PixelCartPole}\n"
      "observation: {frames: " +
          std::to_string(frames) +
          "}\n"
          "actor_critic: {pretrained_weights: random}\n"
          "algorithm: {enable_kl_early_stop: false}\n"
          "trainer: {num_envs: 2, rollout_steps: 16, minibatch_size: 4, "
          "update_epochs: 1}\n",
      "test", {"system.threads=2"});
  if (mode == "impala") {
    config.model.body = mode;
  } else {
    config.model.backbone.freeze_mode = mode.substr(0, mode.find('_'));
    if (mode.ends_with("_critic34")) config.model.backbone.critic_architecture = "resnet34";
  }
  config.ppo.value_loss = ValueLossKind::kSquared;
  return config;
}

TEST(PictureRuns, TheForecastAndTheProofHold) {
  for (const std::string mode : {"all", "layer4.1", "all_critic34", "impala"}) {
    SCOPED_TRACE(mode);
    const Config config = config_of(mode, 3);
    BenchWorkload workload;
    workload.environments = 2;
    workload.steps = 16;
    const auto records = record_workload(workload, config, config.model.observation);
    EXPECT_EQ(records.front().steps.size(), 8u);
    const MemoryLedger::Bytes predicted =
        forecast_update(config, replay_factory(records), config.ppo);
    Trainer trainer(config, false);
    const FreezeProof proof(trainer.network(), trainer.optimizer());
    reset_memory_peaks(trainer.backend());
    replay_update(trainer.network(), trainer.optimizer(), replay_factory(records), config.ppo);
    std::vector<Claim> claims = compare_forecast(predicted, memory_of(trainer.backend()));
    for (Claim& claim : proof.verify()) claims.push_back(std::move(claim));
    for (const Claim& claim : claims) {
      EXPECT_TRUE(claim.holds) << claim.statement << ": " << claim.finding;
    }
  }
}

TEST(PictureRuns, AColonyOfSeveralFramesIsRecordedAndSaidToBeSo) {
  Config config = parse_config("observation: {kind: image, image_size: 24, frames: 2}", "test", {});
  BenchWorkload workload;
  workload.environments = 2;
  workload.steps = 8;
  workload.image_size = 24;
  const auto pictures = record_workload(workload, config, ObservationKind::kImage);
  EXPECT_EQ(std::get<PictureSpec>(pictures[0].spec.observation).frames, 2);
  EXPECT_EQ(describe_pictures(config), "2 pictures of 24x24x1 a state from durotaxis");
  const auto graphs = record_workload(workload, config, ObservationKind::kGraph);
  EXPECT_TRUE(std::holds_alternative<GraphSpec>(graphs[0].spec.observation));
}

TEST(PictureRuns, TheReportSaysWhatAStateCosts) {
  const auto report = [](const std::string& mode, int frames) {
    Trainer trainer(config_of(mode, frames), true);
    return state_report(trainer.backbone());
  };
  EXPECT_EQ(report("none", 1),
            "a state: a picture of 84x84x3, 21,168 bytes, kept as it is and run in every epoch\n");
  EXPECT_EQ(report("all", 3),
            "a state: 3 pictures of 84x84x3, 63,504 bytes, kept as 2,048 bytes of features (3.2 % "
            "of that), which 10 of 10 units need not be run for again\n");
  EXPECT_EQ(report("all_critic34", 1),
            "a state: a picture of 84x84x3, 21,168 bytes, kept as 4,096 bytes of features (19.3 % "
            "of that), which 10 of 10 and 18 of 18 units need not be run for again\n");
  Trainer colony(parse_config("actor_critic: {pretrained_weights: random}", "test", {}), true);
  EXPECT_EQ(state_report(colony.backbone()), "");
}

}  // namespace
}  // namespace frost
