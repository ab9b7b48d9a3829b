#include "tools/runs/evaluation/evaluation_outputs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <numeric>
#include <set>

#include "kernels/errors.h"
#include "rl/envs/durotaxis/baselines.h"
#include "rl/envs/durotaxis/spec.h"
#include "rl/envs/durotaxis/views/picture.h"
#include "tests/rl/durotaxis/durotaxis_fixture.h"
#include "tests/text_files.h"
#include "tests/tools/gif_file.h"
#include "tests/weights/weight_file_helpers.h"
#include "tools/reports/csv_table.h"

namespace frost {
namespace {

namespace fs = std::filesystem;
using test::refuses;

/// A field that half_delete crosses in about ten steps, in normal mode, so that all components are
/// earned.
DurotaxisConfig short_field(int stage = 1) {
  DurotaxisConfig config = steep_config();
  config.substrate.width = 60;
  config.substrate.height = 80;
  config.reward.centroid_distance_only = false;
  config.spawn.stage = stage;
  config.max_critical_nodes = 6;
  return config;
}

EnvironmentFactory colonies(const DurotaxisConfig& config) {
  return [config] { return std::make_unique<Durotaxis>(config); };
}

class EvaluationOutputs : public testing::Test {
 protected:
  EvaluationFiles all_files() const {
    return {folder_ / "episodes.csv", folder_ / "steps.csv", folder_ / "cells.csv",
            folder_ / "film", 1};
  }
  EvaluationResult run(const EvaluationFiles& files, const DurotaxisConfig& config,
                       const std::string& policy = "half_delete") const {
    RecordedEvaluation recorded(files, colony_graph_spec({}));
    EvaluationResult result = recorded.run(policy, colonies(config), scripted_policy(policy), 3, 7);
    recorded.write();
    return result;
  }
  test::TemporaryFolder folder_;
};

TEST_F(EvaluationOutputs, StepsSumToTheEpisodesAndComponentsToTheTotal) {
  const EvaluationResult result = run(all_files(), short_field(), "random");
  const CsvTable steps = CsvTable::read(folder_ / "steps.csv");
  const CsvTable episodes = CsvTable::read(folder_ / "episodes.csv");
  std::vector<double> total(3), length(3);
  for (std::size_t row = 0; row < steps.rows(); ++row) {
    const auto e = static_cast<std::size_t>(steps.number("episode", row));
    total[e] += steps.number("reward_total", row);
    EXPECT_EQ(steps.number("step", row), ++length[e]) << "rows in the order of episodes and steps";
    double components = 0, terms = 0;
    for (const std::string& name : steps.names()) {
      if (name.starts_with("reward_")) components += steps.number(name, row);
      if (name.starts_with("term_")) terms += steps.number(name, row);
    }
    EXPECT_NEAR(components, 2 * steps.number("reward_total", row), 1e-9);
    EXPECT_NEAR(terms, steps.number("reward_total", row), 1e-9);
    EXPECT_EQ(steps.number("edges", row) + steps.number("roots", row), steps.number("cells", row));
    const bool last = length[e] == episodes.number("steps", e);
    EXPECT_EQ(steps.number("termination_case", row),
              last ? episodes.number("termination_case", e) : 0);
  }
  ASSERT_EQ(episodes.rows(), 3u);
  for (std::size_t e = 0; e < 3; ++e) {
    EXPECT_EQ(total[e], result.episodes[e].episode_return);
    EXPECT_EQ(total[e], episodes.number("return", e));
    EXPECT_EQ(length[e], episodes.number("steps", e));
    double components = 0;
    for (const char* name : {"graph", "spawn", "delete", "edge", "node"}) {
      components += episodes.number(std::string("reward_") + name, e);
    }
    EXPECT_NEAR(components, total[e], 1e-9 * std::max(1.0, std::abs(total[e])));
  }
}

TEST_F(EvaluationOutputs, TrajectoriesFollowEveryCellFromStateToState) {
  const EvaluationResult result = run(all_files(), short_field());
  const CsvTable cells = CsvTable::read(folder_ / "cells.csv");
  const CsvTable steps = CsvTable::read(folder_ / "steps.csv");
  std::map<std::pair<int, int>, std::map<int, std::string>> decisions;  // (episode, step) -> cell
  for (std::size_t row = 0; row < cells.rows(); ++row) {
    const auto number = [&](const char* name) { return static_cast<int>(cells.number(name, row)); };
    auto& state = decisions[{number("episode"), number("step")}];
    state[number("cell")] = cells.text("decision", row);
    const bool spawns = cells.text("decision", row) == "spawn";
    EXPECT_EQ(cells.text("gamma", row), spawns ? "5" : "");
    EXPECT_EQ(cells.text("alpha", row), spawns ? "2" : "");
    EXPECT_EQ(cells.text("noise", row), spawns ? "0.1" : "");
    EXPECT_EQ(cells.text("theta", row), spawns ? "0" : "");
    EXPECT_LE(cells.number("age", row), number("step"));
    EXPECT_GE(cells.number("x", row), 0);
  }
  std::size_t row = 0;
  for (const EpisodeRecord& e : result.episodes) {
    const int episode = static_cast<int>(e.episode);
    EXPECT_EQ((decisions[{episode, 0}].size()), 5u);
    for (int step = 0; step < e.steps; ++step, ++row) {
      std::size_t spawned = 0;
      const auto& next = decisions[{episode, step + 1}];
      for (const auto& [cell, decision] : decisions[{episode, step}]) {
        EXPECT_EQ(next.count(cell), decision == "delete" ? 0u : 1u) << decision;
        spawned += decision == "spawn";
      }
      EXPECT_EQ(next.size(), 2 * spawned);
      EXPECT_EQ(next.size(), steps.number("cells", row));
    }
    for (const auto& [cell, decision] : decisions[{episode, e.steps}]) EXPECT_EQ(decision, "");
  }
}

TEST_F(EvaluationOutputs, MarksAreRecorded) {
  run(all_files(), short_field(), "random");
  const std::vector<double> marked = CsvTable::read(folder_ / "cells.csv").column("marked");
  EXPECT_GT(std::accumulate(marked.begin(), marked.end(), 0.0), 0);
}

TEST_F(EvaluationOutputs, TheFilmHasAFrameForEveryState) {
  const EvaluationResult result = run(all_files(), short_field());
  const int steps = result.episodes[0].steps;
  std::set<std::string> expected;
  for (int k = 0; k <= steps; ++k) expected.insert(fmt::format("step{:04}.png", k));
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder_ / "film/episode000")) {
    found.insert(entry.path().filename());
  }
  EXPECT_EQ(found, expected);
  const test::GifFile gif = test::read_gif(folder_ / "film/episode000.gif");
  ASSERT_EQ(gif.frames.size(), expected.size());
  std::vector<std::uint8_t> previous;
  for (std::size_t k = 0; k < gif.frames.size(); ++k) {
    const RgbImage png = load_image(folder_ / fmt::format("film/episode000/step{:04}.png", k));
    EXPECT_EQ(png.height, 720 + 58);  // the field's longer side, captions and legend
    EXPECT_EQ(png.width, 540 + 24);
    EXPECT_EQ(gif.frames[k].width, png.width);
    EXPECT_EQ(gif.frames[k].height, png.height);
    double error = 0;
    for (std::size_t i = 0; i < png.pixels.size(); ++i) {
      error += std::abs(png.pixels[i] - gif.frames[k].pixels[i]);
    }
    EXPECT_LT(error / static_cast<double>(png.pixels.size()), 0.5) << "of 255, by the palette";
    EXPECT_TRUE(png.pixels != previous) << k;
    previous = png.pixels;
  }
  EXPECT_FALSE(fs::exists(folder_ / "film/episode001")) << "one episode was asked for";
}

TEST_F(EvaluationOutputs, APictureOfTheColonyIsTheSameColony) {
  EvaluationFiles files = all_files();
  run(files, short_field());
  const std::string first = read_text(folder_ / "cells.csv");
  files.film = folder_ / "film2";
  RecordedEvaluation recorded(files, colony_graph_spec({}));
  const DurotaxisConfig config = short_field();
  const BatchPolicy half = [](const auto& environments, const auto&) {
    return std::vector<Action>(environments.size(), Action{{}, {0.5f}});
  };
  recorded.run(
      "half_delete", [config] { return std::make_unique<PictureDurotaxis>(config); }, half, 3, 7);
  recorded.write();
  EXPECT_EQ(read_text(folder_ / "cells.csv"), first);
  EXPECT_EQ(read_text(folder_ / "film2/episode000.gif"),
            read_text(folder_ / "film/episode000.gif"));
}

TEST_F(EvaluationOutputs, SpawnParametersOfStage2AreTheAction) {
  EvaluationFiles files = all_files();
  RecordedEvaluation recorded(files, colony_graph_spec({}));
  const BatchPolicy policy = [](const auto& environments, const auto&) {
    std::vector<Action> actions;
    for (const Environment* e : environments) {
      Action action = half_delete_policy(dynamic_cast<const Durotaxis&>(*e).colony());
      for (std::size_t i = 0; i < action.decisions.size(); ++i) {
        add_parameters(action, {4.0f + static_cast<float>(i), 1.5f, 0.25f, 0.125f});
      }
      actions.push_back(action);
    }
    return actions;
  };
  recorded.run("mine", colonies(short_field(2)), policy, 1, 7);
  recorded.write();
  const CsvTable cells = CsvTable::read(folder_ / "cells.csv");
  for (std::size_t row = 0; row < 5; ++row) {  // the first state
    const bool spawns = cells.text("decision", row) == "spawn";
    EXPECT_EQ(cells.text("gamma", row), spawns ? fmt::format("{}", 4 + row) : "");
    EXPECT_EQ(cells.text("theta", row), spawns ? "0.125" : "");
  }
}

TEST_F(EvaluationOutputs, ObserversChangeNothing) {
  const EvaluationResult plain =
      evaluate_policy(colonies(short_field()), scripted_policy("random"), 3, 7);
  const EvaluationResult seen = run(all_files(), short_field(), "random");
  EXPECT_EQ(seen.rewards, plain.rewards);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(seen.episodes[i].steps, plain.episodes[i].steps);
    EXPECT_EQ(seen.episodes[i].episode_return, plain.rewards[i][kTotal]);
  }
}

TEST_F(EvaluationOutputs, TheReturnIsPrintedWithWhatItIsMadeOf) {
  EvaluationResult result;
  result.episodes = {{0, 0, 10, 3, 1, 5, true}, {0, 1, 20, 1, 0.5, 6, false}};
  result.rewards = {{3, 2, 0, 0.5, 0.5, 0}, {1, 1, 0, -0.5, 0.5, 0}};
  const std::string text = evaluation_text("sampled", result, colony_graph_spec({}), &result);
  for (const char* part :
       {"sampled: 2 episodes\n", "success rate    50.0 %\n", "return          2.000\n",
        "made of       graph 1.500, delete 0.000, edge 0.500\n",
        "median success  10 steps (half_delete on the same episodes: 10 steps)\n",
        "endings         success 1, time limit 1\n"}) {
    EXPECT_NE(text.find(part), text.npos) << part << "\n" << text;
  }
  EXPECT_EQ(evaluation_text("x", result, colony_graph_spec({}), nullptr).find("half_delete"),
            text.npos);
}

TEST_F(EvaluationOutputs, AFolderOfPicturesMustBeNew) {
  EvaluationFiles files = all_files();
  fs::create_directory(folder_ / "film");
  EXPECT_NO_THROW(RecordedEvaluation(files, {}));
  std::ofstream(folder_ / "film/notes.txt") << "mine";
  EXPECT_TRUE(refuses([&] { RecordedEvaluation(files, {}); }, "film exists already"));
  files.film = folder_ / "film/notes.txt/sub";
  EXPECT_TRUE(refuses([&] { RecordedEvaluation(files, {}); }, "cannot create"));
  files.film = folder_ / "film/notes.txt";
  EXPECT_TRUE(refuses([&] { RecordedEvaluation(files, {}); }, "exists already"));
}

}  // namespace
}  // namespace frost
