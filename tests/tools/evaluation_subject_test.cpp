#include "tools/runs/evaluation/evaluation_subject.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "kernels/errors.h"
#include "tests/engine/errors.h"
#include "tests/golden_files.h"
#include "tests/weights/weight_file_helpers.h"
#include "tools/reports/csv_table.h"
#include "tools/runs/evaluation/evaluation_outputs.h"

namespace frost {
namespace {

constexpr const char* kStage = "algorithm.two_stage_curriculum.stage=";

/// A run folder with a checkpoint of a network before its first update, from tiny.yaml.
class EvaluationSubjects : public testing::Test {
 protected:
  void save_run(int stage) const {
    const Config config = load_config(source_path("configs/tiny.yaml"),
                                      {kStage + std::to_string(stage), "trainer.num_envs=1"});
    Trainer trainer(config, false);
    write_safetensors(folder_ / "checkpoints/last.safetensors", trainer.checkpoint());
  }
  /// The values of a column of the trajectories, empty ones left out.
  std::set<std::string> recorded(const EvaluationSubject& subject, const char* column) const {
    EvaluationFiles files;
    files.trajectories = folder_ / "cells.csv";
    Config config = subject.config;
    RecordedEvaluation evaluation(files, environment_factory(config)()->spec());
    config.environment.max_steps = 5;
    evaluation.run("sampled", environment_factory(config),
                   network_policy(*subject.setup.network, false), 12, 1);
    evaluation.write();
    const CsvTable cells = CsvTable::read(files.trajectories);
    std::set<std::string> values;
    for (std::size_t row = 0; row < cells.rows(); ++row) values.insert(cells.text(column, row));
    values.erase("");
    return values;
  }
  test::TemporaryFolder folder_;
};

TEST_F(EvaluationSubjects, AStage1PolicySpawnsWithTheFixedParametersWhateverTheFolderSays) {
  save_run(1);
  std::ofstream(folder_ / "config.yaml") << "algorithm: {two_stage_curriculum: {stage: 2}}\n";
  const EvaluationSubject subject = load_run(folder_ / "", "", {});
  EXPECT_EQ(subject.config.environment.spawn.stage, 1);
  EXPECT_EQ(recorded(subject, "gamma"), std::set<std::string>{"5"});
  EXPECT_EQ(recorded(subject, "theta"), std::set<std::string>{"0"});
}

TEST_F(EvaluationSubjects, AStage2PolicySpawnsWithItsOwn) {
  save_run(2);
  EXPECT_GT(recorded(load_run(folder_ / "", "last", {}), "gamma").size(), 10u);
}

TEST_F(EvaluationSubjects, ASmallerNetworkDoesNotEvaluateALargerOnesRun) {
  const Config config = parse_config("environment: {name: CartPole-v1}\nsystem: {device: cpu}\n",
                                     "x.yaml", {"actor_critic.mlp_hidden=[64, 64]"});
  Trainer trainer(config, false);
  write_safetensors(folder_ / "checkpoints/last.safetensors", trainer.checkpoint());
  const std::vector<std::string> smaller{"actor_critic.mlp_hidden=[64]"};
  EXPECT_EQ(error_of([&] { load_run(folder_ / "", "last", smaller); }),
            "[load_state_dict] the tensors are not this network's; 4 superfluous: "
            "'network.actor.hidden.1.bias', 'network.actor.hidden.1.weight', "
            "'network.critic.hidden.1.bias', 'network.critic.hidden.1.weight'");
  for (const char* other : {"[64, 64, 64]", "[64, 32]", "[32, 64]", "[]"}) {
    const std::string option = std::string("actor_critic.mlp_hidden=") + other;
    EXPECT_NE(error_of([&] { load_run(folder_ / "", "last", {option}); }).find("'network."),
              std::string::npos)
        << other;
  }
  EXPECT_NO_THROW(load_run(folder_ / "", "last", {}));
}

TEST_F(EvaluationSubjects, ANetworkOfAnotherFormDoesNotEvaluateARun) {
  save_run(1);
  const std::pair<const char*, const char*> cases[] = {
      {"encoder.num_layers=3", "superfluous: 'network.encoder.layers.3."},
      {"encoder.num_layers=5", "missing: 'network.encoder.layers.4."},
      {"encoder.hidden_dim=64", "'network.encoder."},
      {"encoder.out_dim=64", "'network."},
      {"actor_critic.hidden_dim=64", "'network.actor."},
      {"actor_critic.backbone.input_adapter=1ch_conv", "'network.actor.body.conv1.weight'"},
      {"encoder.num_heads=2", "'encoder.num_heads' is 2, but the checkpoint's network was trained"},
      {"observation.token_connectivity=none", "'observation.token_connectivity' is none, but"},
      {"actor_critic.simplicial_embedding.temperature=2", "temperature' is 2, but"},
      {"observation.observe_marks=true", "'network.encoder.node_projection.weight'"},
  };
  for (const auto& [option, named] : cases) {
    // The second option spares drawing bodies for each that are not used.
    const std::vector<std::string> options{option, "actor_critic.pretrained_weights=imagenet"};
    const std::string error = error_of([&] { load_run(folder_ / "", "last", options); });
    EXPECT_NE(error.find(named), std::string::npos) << option << ": " << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << option;
  }
}

TEST_F(EvaluationSubjects, AnOptionThatTheRunsNetworkDoesNotReadIsRefused) {
  const Config config =
      parse_config("environment: {name: CartPole-v1}\nsystem: {device: cpu}\n", "x.yaml", {});
  Trainer trainer(config, false);
  write_safetensors(folder_ / "checkpoints/last.safetensors", trainer.checkpoint());
  EXPECT_THROW(load_run(folder_ / "", "", {"encoder.num_layers=3"}), UsageError);
  const auto limit = [&](const std::vector<std::string>& options) {
    return environment_factory(load_run(folder_ / "", "", options).config)()->spec().time_limit;
  };
  EXPECT_EQ(limit({}), 500);
  EXPECT_EQ(limit({"environment.max_steps=100"}), 100);
}

TEST_F(EvaluationSubjects, ARunOfADrawnEnvironmentIsEvaluatedUnderAnotherAppearance) {
  const Config config = parse_config(
      "environment: {name: PixelCartPole}\nsystem: {device: cpu}\n"
      "observation: {frames: 2}\nactor_critic: {pretrained_weights: random}\n",
      "x.yaml", {"trainer.num_envs=1"});
  Trainer trainer(config, false);
  write_safetensors(folder_ / "checkpoints/last.safetensors", trainer.checkpoint());
  const auto first_state = [&](const std::vector<std::string>& options) {
    const EvaluationSubject subject = load_run(folder_ / "", "", options);
    const auto environment = environment_factory(subject.config)();
    environment->reset(1);
    const Observation state = environment->observe();
    const auto actions = network_policy(*subject.setup.network, true);
    RandomStream stream(1, StreamPurpose::kSampling);
    EXPECT_EQ(actions({environment.get()}, {&stream}).size(), 1U);
    return std::get<PictureObservation>(state).pixels;
  };
  const std::string drawn = "environment.appearance.colours=drawn";
  EXPECT_EQ(first_state({}), first_state({}));
  EXPECT_NE(first_state({drawn}), first_state({}));
  EXPECT_NE(first_state({drawn, "environment.appearance.seed=2"}), first_state({drawn}));
}

TEST_F(EvaluationSubjects, NoOverrideChangesTheStage) {
  save_run(1);
  try {
    load_run(folder_ / "", "", {std::string(kStage) + "2"});
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "the checkpoint was trained to make 2 choices and 0 continuous values per row: it "
                 "cannot act where these options ask for 2 and 4");
  }
  EXPECT_EQ(load_run(folder_ / "", "", {"environment.max_steps=7"}).config.environment.max_steps,
            7);
}

}  // namespace
}  // namespace frost
