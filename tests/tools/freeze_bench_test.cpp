#include "tools/lab/freeze_bench.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "kernels/backend_registry.h"
#include "rl/envs/durotaxis/colony.h"
#include "tests/weights/weight_file_helpers.h"
#include "tools/lab/freeze_bench_html.h"
#include "tools/lab/freeze_bench_table.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

BenchWorkload tiny_workload() {
  BenchWorkload workload;
  workload.environments = 2;
  workload.steps = 8;
  workload.epochs = 1;
  workload.minibatch = 4;
  workload.size = 4;
  workload.repetitions = 2;
  return workload;
}

std::vector<float> nodes(const Environment& environment) {
  return std::get<GraphObservation>(environment.observe()).node_features;
}

Config random_bodies() {
  return parse_config("actor_critic: {pretrained_weights: random}", "test", {"system.threads=1"});
}

std::vector<RecordedEpisodes> tiny_records(ObservationKind kind) {
  return record_workload(tiny_workload(), random_bodies(), kind);
}

TEST(FreezeBench, RecordedStatesKeepTheirSizeAndEndAsTerminated) {
  BenchWorkload workload;
  workload.steps = 8 * 60;  // longer than an episode
  const auto records = record_workload(workload, random_bodies(), ObservationKind::kGraph);
  ASSERT_EQ(records.size(), 8u);
  const auto graph = [](const RecordedStep& step) {
    return std::get<GraphObservation>(step.observation);
  };
  for (const RecordedEpisodes& record : records) {
    ASSERT_EQ(record.steps.size(), 60u);
    int ends = 0;
    for (const RecordedStep& step : record.steps) {
      EXPECT_EQ(graph(step).num_nodes(), 20);
      ends += step.result.done();
    }
    EXPECT_GE(ends, 2);  // one success on the way, and the end of the record
    EXPECT_TRUE(record.steps.back().result.terminated);
  }
  EXPECT_NE(graph(records[0].steps[0]).node_features, graph(records[1].steps[0]).node_features);
}

TEST(FreezeBench, WhatCannotBeHeldAtASizeIsRefused) {
  const Config config = parse_config("environment: {name: CartPole-v1}", "test", {});
  EXPECT_TRUE(
      test::refuses([&] { record_workload(tiny_workload(), config, ObservationKind::kGraph); },
                    "environment.name is 'CartPole-v1'"));
}

TEST(FreezeBench, AReplayGoesRoundAndIgnoresWhatIsDecided) {
  const auto records = tiny_records(ObservationKind::kGraph);
  ReplayEnvironment replay(records[0]);
  Action action;
  action.decisions.assign(4, kDeleteCell);
  for (std::size_t t = 0; t < 2 * records[0].steps.size(); ++t) {
    const RecordedStep& expected = records[0].steps[t % records[0].steps.size()];
    EXPECT_EQ(nodes(replay), std::get<GraphObservation>(expected.observation).node_features);
    EXPECT_EQ(replay.step(action).reward, expected.result.reward);
  }
  action.decisions.pop_back();
  EXPECT_TRUE(test::refuses([&] { replay.step(action); }, "3 decisions and 0 values for 4 and 0"));
}

TEST(FreezeBench, AReplayGoesOnFromItsSavedState) {
  const auto records = tiny_records(ObservationKind::kGraph);
  ReplayEnvironment first(records[0]), second(records[0]);
  Action action;
  action.decisions.assign(4, kSpawnCell);
  first.step(action);
  second.load_state(first.save_state());
  EXPECT_EQ(nodes(second), nodes(first));
  EXPECT_EQ(second.episode_steps(), 1);
}

TEST(FreezeBench, APictureIsReplayedForOneDeleteRatio) {
  const auto records = tiny_records(ObservationKind::kImage);
  const RecordedStep& first = records[0].steps[0];
  ReplayEnvironment replay(records[0]);
  EXPECT_EQ(std::get<PictureObservation>(replay.observe()).pixels,
            std::get<PictureObservation>(first.observation).pixels);
  EXPECT_EQ(replay.step({{}, {0.5f}}).reward, first.result.reward);
  EXPECT_TRUE(test::refuses(
      [&] {
        replay.step({{}, {}});
      },
      "0 decisions and 0 values for 0 and 1"));
}

/// What `bench_freeze --record` writes of the environment that `yaml` names.
SafetensorsFile recorded(const std::string& yaml) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "workload.safetensors";
  write_workload(path, tiny_workload(), parse_config(yaml, "test", {}));
  return read_safetensors(path);
}

TEST(FreezeBench, AWorkloadOfPicturesIsWrittenForADiscreteAction) {
  const SafetensorsFile file =
      recorded("{environment: {name: PixelCartPole}, observation: {frames: 3}}");
  EXPECT_EQ(file.tensors.at("pictures").shape, (Shape{8, 3, 84, 84, 3}));
  EXPECT_EQ(file.tensors.at("rewards").shape, (Shape{8, 1}));
  EXPECT_EQ(file.tensors.at("done").shape, (Shape{8}));
  EXPECT_FALSE(file.tensors.contains("values"));
  EXPECT_FALSE(file.tensors.contains("node_features"));
  const std::map<std::string, std::string> expected = {
      {"environments", "2"}, {"steps", "8"},   {"epochs", "1"}, {"minibatch", "4"}, {"frames", "3"},
      {"rows", "1"},         {"choices", "2"}, {"dims", "0"},   {"heads", "0"}};
  EXPECT_EQ(file.metadata, expected);
}

TEST(FreezeBench, AWorkloadOfPicturesIsWrittenForABox) {
  const SafetensorsFile file = recorded("environment: {name: PixelPendulum}");
  EXPECT_EQ(file.tensors.at("pictures").shape, (Shape{8, 1, 84, 84, 3}));
  EXPECT_EQ(file.metadata.at("choices"), "0");
  EXPECT_EQ(file.metadata.at("dims"), "1");
}

TEST(FreezeBench, AWorkloadOfColoniesIsWrittenSeenBothWays) {
  const SafetensorsFile file = recorded("");
  EXPECT_EQ(file.tensors.at("pictures").shape, (Shape{8, 1, 84, 84, 1}));
  EXPECT_EQ(file.tensors.at("node_offsets").shape, (Shape{9}));
  EXPECT_EQ(file.tensors.at("action_mask").shape, (Shape{8 * 4, 2}));
  EXPECT_EQ(file.tensors.at("reward_weights").shape, (Shape{6}));
  EXPECT_EQ(file.metadata.at("heads"), "5");
}

BenchSettings tiny_settings(std::vector<BenchCase> cases) {
  BenchSettings settings;
  settings.config = random_bodies();
  settings.workload = tiny_workload();
  settings.cases = std::move(cases);
  return settings;
}

TEST(FreezeBench, BytesAreExactAndTheJsonHasTheDocumentedKeys) {
  constexpr auto kGraph = ObservationKind::kGraph;
  int lines = 0;
  const std::vector<BenchRow> rows = bench_freeze(
      tiny_settings({{"all", kGraph}, {"until_layer3", kGraph}, {"all", kGraph, true}}),
      [&](const std::string&) { ++lines; });
  EXPECT_EQ(lines, 7) << "two for each case, and one for the weights";
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].trainable, 700'434);
  EXPECT_EQ(rows[1].trainable, 17'487'890);
  for (const BenchRow& row : rows) {
    EXPECT_TRUE(row.exact()) << row.what.mode;
    EXPECT_EQ(row.runs.size(), 2u);
    EXPECT_GT(row.least().overall, 0);
    EXPECT_LE(row.least().overall, row.median().overall);
    EXPECT_LE(row.median().overall, row.most().overall);
  }
  EXPECT_LT(rows[0].saved_body, rows[1].saved_body);

  BenchRow inexact = rows[0];
  ++inexact.trainable;
  EXPECT_FALSE(inexact.exact());

  const auto json = nlohmann::json::parse(bench_json(rows, tiny_workload(), "here"));
  for (const char* key : {"commit", "device", "library_versions", "workload", "rows"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  const auto& row = json["rows"][0];
  for (const char* key : {"mode", "observation", "plain", "trainable", "frozen", "bytes",
                          "saved_body", "replays", "steps_per_second", "spread"}) {
    EXPECT_TRUE(row.contains(key)) << key;
  }
  for (const char* key : {"parameters", "gradients", "optimizer", "saved", "packed", "workspace",
                          "feature_cache", "rollout", "other", "peak"}) {
    EXPECT_TRUE(row["bytes"].contains(key)) << key;
  }
  EXPECT_EQ(row["bytes"]["gradients"], 4 * 700'434);
  EXPECT_EQ(row["bytes"]["optimizer"], 8 * 700'434);
  EXPECT_EQ(json["rows"][2]["plain"], true);
}

TEST(FreezeBench, AMinibatchMayHoldFewerStatesThanThereAreEnvironments) {
  BenchSettings settings = tiny_settings({{"all", ObservationKind::kImage}});
  settings.workload.minibatch = 1;
  settings.workload.image_size = 24;
  settings.workload.repetitions = 1;
  EXPECT_GT(bench_freeze(settings, [](const std::string&) {})[0].least().overall, 0);
}

TEST(FreezeBench, RecordedMinibatchesAreReplayedAndNeedADeviceThatRecords) {
  BenchSettings settings = tiny_settings({{"all", ObservationKind::kImage}});
  settings.workload.graphs = true;
  settings.workload.image_size = 24;
  settings.workload.repetitions = 1;
  for (const BackendStatus& device : available_backends()) {
    if (device.backend == nullptr) continue;
    settings.config.system.device = device.device;
    if (device.backend->records()) {
      // Two minibatches, whose shapes an untimed update has shown.
      EXPECT_EQ(bench_freeze(settings, [](const std::string&) {})[0].replays, 2U);
    } else {
      EXPECT_TRUE(test::refuses([&] { bench_freeze(settings, [](const std::string&) {}); },
                                "--graphs needs a device that records work"));
    }
  }
}

TEST(FreezeBench, ImagesAreCachedAndComparedWithNone) {
  constexpr auto kImage = ObservationKind::kImage;
  BenchSettings settings = tiny_settings({{"none", kImage}, {"all", kImage}});
  settings.workload.image_size = 32;
  const std::vector<BenchRow> rows = bench_freeze(settings, [](const std::string&) {});
  EXPECT_EQ(rows[0].bytes.peak_of(MemoryTag::kFeatureCache), 0);
  EXPECT_EQ(rows[1].bytes.peak_of(MemoryTag::kFeatureCache), 8 * 512 * 4);
  EXPECT_EQ(rows[1].saved_body, 0);
  EXPECT_LT(rows[1].training_bytes(), rows[0].training_bytes());
  EXPECT_EQ(base_of(rows, rows[1]), &rows[0]);

  const auto json = nlohmann::json::parse(bench_json(rows, settings.workload, "here"));
  EXPECT_EQ(json["rows"][0]["ratio"], 1.0);
  // 1 epoch: 2 bodies, forward in collection, then forward and both gradients, against 1 forward.
  EXPECT_NEAR(json["rows"][1]["limit_ratio"].get<double>(), 8, 0.2);
  const std::string html = bench_html(rows, settings.workload, "here");
  EXPECT_NE(html.find("image observations: speed"), std::string::npos);
  EXPECT_NE(html.find("<td>all</td>"), std::string::npos);
}

TEST(FreezeBench, TheBodyFromScratchIsARowBesideTheFreezeModes) {
  constexpr auto kImage = ObservationKind::kImage;
  BenchSettings settings = tiny_settings({{"none", kImage}, {kImpalaRow, kImage}});
  settings.workload.image_size = 32;
  settings.workload.repetitions = 1;
  const std::vector<BenchRow> rows = bench_freeze(settings, [](const std::string&) {});
  EXPECT_TRUE(rows[1].exact());
  EXPECT_EQ(rows[1].frozen, 0);
  EXPECT_LT(rows[1].trainable, rows[0].trainable);
  EXPECT_EQ(rows[1].limit(rows[0]), "-") << "its multiplications are not counted";
  EXPECT_EQ(rows[0].limit(rows[0]), "1.00");
  const auto json = nlohmann::json::parse(bench_json(rows, settings.workload, "here"));
  EXPECT_FALSE(json["rows"][1].contains("limit_ratio"));
  EXPECT_NE(bench_table(rows).find("image impala"), std::string::npos);
}

}  // namespace
}  // namespace frost
