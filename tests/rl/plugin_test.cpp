#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "kernels/errors.h"
#include "rl/environment_registry.h"
#include "rl/plugin/environment_library.h"
#include "rl/plugin/environment_plugin.h"
#include "rl/vector_environment.h"
#include "tests/engine/errors.h"
#include "tests/weights/weight_file_helpers.h"

namespace frost {
namespace {

std::filesystem::path plugin(const std::string& name) {
  return std::filesystem::path(FROST_PLUGIN_DIR) / (name + ".so");
}

std::unique_ptr<Environment> make(const std::string& name,
                                  const EnvironmentOptions::Values& options = {}) {
  return library_environment(plugin(name), options)();
}

/// The one line of a wrong use.
std::string refusal(const std::filesystem::path& file,
                    const EnvironmentOptions::Values& options = {}) {
  try {
    library_environment(file, options)();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "taken";
}

TEST(Plugin, NamesOfFilesAreKnownFromOthers) {
  for (const char* file : {"./mine", "mine.so", "a/b.so", "/opt/a:b/libmine.so", "~/mine.so"}) {
    EXPECT_TRUE(names_library(file)) << file;
  }
  for (const char* name :
       {"CartPole-v1", "durotaxis", "gymnasium:ALE/Pong-v5", "python:a.so", ""}) {
    EXPECT_FALSE(names_library(name)) << name;
  }
}

TEST(Plugin, StepsAsAnyEnvironmentAndComesBackInMidEpisode) {
  VectorEnvironment counters(library_environment(plugin("counter"), {}), 3, 5);
  EXPECT_EQ(counters.spec().name, "Counter");
  int finished = 0;
  for (int i = 0; i < 30; ++i) {
    std::vector<Action> actions;
    for (const Observation* seen : counters.observations()) {
      const float coin = std::get<VectorObservation>(*seen).values[0];
      actions.push_back({{static_cast<int>(coin)}, {}});
    }
    counters.step(actions);
  }
  for (const EpisodeRecord& episode : counters.take_finished()) {
    EXPECT_EQ(episode.episode_return, 3);
    ++finished;
  }
  EXPECT_EQ(finished, 30);

  const auto one = make("counter"), other = make("counter");
  one->reset(8);
  one->step({{1}, {}});
  one->step({{0}, {}});
  other->load_state(one->save_state());
  EXPECT_EQ(std::get<VectorObservation>(one->observe()).values,
            std::get<VectorObservation>(other->observe()).values);
  EXPECT_EQ(other->episode_steps(), one->episode_steps());
}

TEST(Plugin, TheExampleShowsPicturesAndIsWonByGoingWhereTheBallIs) {
  const auto example = make("own_picture_environment", {{"reach", "0"}});
  const auto pixels = [](const Environment& environment) {
    return std::get<PictureObservation>(environment.observe()).pixels;
  };
  const auto& shown = std::get<PictureSpec>(example->spec().observation);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    example->reset(seed);
    const std::vector<std::uint8_t> first = pixels(*example);
    ASSERT_EQ(first.size(), static_cast<std::size_t>(shown.height * shown.width * shown.channels));
    const auto column = [&](std::size_t line) {  // of the first bright pixel, in cells
      const auto begin = first.begin() + static_cast<std::ptrdiff_t>(line * 84);
      return static_cast<int>(std::find(begin, begin + 84, 255) - begin) / 7;
    };
    const int ball = column(0);
    int paddle = column(83);
    StepResult result;
    while (!result.done()) {
      const int move = (ball > paddle) - (ball < paddle);
      paddle += move;
      result = example->step({{move + 1}, {}});
      EXPECT_NE(pixels(*example), first);
    }
    EXPECT_TRUE(result.success) << seed;
    EXPECT_EQ(result.reward[kTotal], 1);
    const auto twin = make("own_picture_environment", {{"reach", "0"}});
    twin->load_state(example->save_state());
    EXPECT_EQ(pixels(*twin), pixels(*example));
  }
}

TEST(Plugin, OptionsReachTheEnvironmentAndOthersAreRefused) {
  const auto dear = make("counter", {{"goal", "1"}, {"reward", "2.5"}, {"name", "Dear"}});
  EXPECT_EQ(dear->spec().name, "Dear");
  dear->reset(0);
  const double first = dear->step({{0}, {}}).reward[kTotal];
  dear->reset(0);
  const double second = dear->step({{1}, {}}).reward[kTotal];
  EXPECT_EQ(first + second, 2.5);

  EXPECT_EQ(refusal(plugin("counter"), {{"gaol", "1"}}),
            "environment.options: Counter has no option 'gaol'; it has goal, honest, limit, name, "
            "reward");
  EXPECT_EQ(refusal(plugin("pendulum"), {{"mass", "1"}}),
            "environment.options: Pendulum-v1 has no option 'mass'; it has none");
  const std::string head = "environment.options: ";
  EXPECT_EQ(refusal(plugin("counter"), {{"goal", "1.5"}}),
            head + "'goal' is '1.5', expected an integer");
  EXPECT_EQ(refusal(plugin("counter"), {{"reward", "much"}}),
            head + "'reward' is 'much', expected a number");
  EXPECT_EQ(refusal(plugin("counter"), {{"reward", "inf"}}),
            head + "'reward' is 'inf', expected a finite number");
  EXPECT_EQ(refusal(plugin("counter"), {{"honest", "yes"}}),
            head + "'honest' is 'yes', expected true or false");
}

TEST(Plugin, ASharedClassOfTheProgramStepsAsItDoesThere) {
  const auto ours = find_environment("Pendulum-v1")(), theirs = make("pendulum");
  ours->reset(3), theirs->reset(3);
  for (int i = 0; i < 20; ++i) {
    const Action push{{}, {static_cast<float>(i % 3) - 1.0f}};
    EXPECT_EQ(ours->step(push).reward, theirs->step(push).reward);
  }
  EXPECT_EQ(ours->save_state(), theirs->save_state());
}

TEST(Plugin, ItsOwnClassesArePreferredToNamesakesInTheProgram) {
  const auto namesake = make("namesake");
  EXPECT_EQ(namesake->spec().name, "another CartPole");
  EXPECT_EQ(namesake->step({{0}, {}}).reward, RewardVector{77.0});
  EXPECT_EQ(namesake->episode_steps(), 7);
  EXPECT_EQ(find_environment("CartPole-v1")()->spec().name, "CartPole-v1");
}

TEST(Plugin, WhatIsNoPluginIsRefusedByItsName) {
  const test::TemporaryFolder folder;
  const std::filesystem::path text = folder / "text.so";
  std::ofstream(text) << "no library";
  EXPECT_EQ(refusal(folder / "gone.so"),
            (folder / "gone.so").string() + " does not exist: build it, or name another library");
  EXPECT_NE(refusal(folder / "").find("is no file"), std::string::npos) << refusal(folder / "");
  EXPECT_NE(refusal(text).find("text.so cannot be loaded: text.so: "), std::string::npos)
      << refusal(text);
  EXPECT_EQ(refusal(plugin("no_entry")),
            plugin("no_entry").string() +
                " is no environment: its source needs FROST_ENVIRONMENT_PLUGIN(its class)");
  EXPECT_EQ(refusal(plugin("other_version")),
            plugin("other_version").string() +
                " was built with frostline 0.0.1, headers 0, libstdc++ 1, this program with " +
                FROST_PLUGIN_ABI + ": rebuild it");
  EXPECT_EQ(refusal(plugin("unresolved")),
            plugin("unresolved").string() +
                " cannot be loaded: it calls frost::of_another_version(int), which this program "
                "does not have: build it with the headers of this program, or link it to what has "
                "that");
}

TEST(Plugin, AFailureNamesTheEnvironmentAndWhatItDid) {
  const std::string cause = ": out of\nfuel";  // the programs make it one line
  EXPECT_EQ(error_of([] {
              make("failing", {{"in", "make"}});
            }),
            plugin("failing").string() + " could not make its environment" + cause);
  EXPECT_EQ(error_of([] {
              make("failing", {{"in", "make"}, {"odd", "true"}});
            }),
            plugin("failing").string() +
                " could not make its environment: something that is no std::exception was thrown");
  const auto failure_in = [](const std::string& place, const char* odd = "false") {
    const auto failing = make("failing", {{"in", place}, {"odd", odd}});
    return error_of([&] {
      failing->reset(1);
      failing->observe();
      for (int i = 0; i < 3; ++i) failing->step({{0}, {}});
      failing->load_state(failing->save_state());
      failing->render({});
    });
  };
  for (const char* place : {"reset", "step", "observe", "save_state", "load_state", "render"}) {
    EXPECT_EQ(failure_in(place), std::string("environment Failing failed in ") + place + cause);
  }
  EXPECT_EQ(failure_in("step", "true"),
            "environment Failing failed in step: something that is no std::exception was thrown");
}

TEST(Plugin, IsLoadedOnceThoughItsFileChanges) {
  const test::TemporaryFolder folder;
  const std::filesystem::path file = folder / "mine.so";
  std::filesystem::copy(plugin("counter"), file);
  EXPECT_EQ(library_environment(file, {})()->spec().name, "Counter");
  std::filesystem::remove(file);
  std::filesystem::copy(plugin("namesake"), file);
  EXPECT_EQ(library_environment(file, {})()->spec().name, "Counter");
}

}  // namespace
}  // namespace frost
