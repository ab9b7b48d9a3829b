#include "tools/config/config_schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/golden_files.h"
#include "tests/rl/gymnasium/python_tasks.h"
#include "tests/tools/config_problem.h"
#include "tools/config/config_differences.h"
#include "tools/config/config_retired.h"
#include "tools/config/config_rules.h"
#include "tools/config/config_text.h"

namespace frost {
namespace {

std::filesystem::path root() {
  return source_path("");
}

/// Lines that open a group of keys.
std::size_t groups_in(const std::string& yaml) {
  std::istringstream lines(yaml);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) count += line.ends_with(':');
  return count;
}

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(ConfigText, ResolvedYamlReadsBackToTheSameConfig) {
  const Config changed = parse_config(
      "", "x.yaml",
      {"environment.substrate_type=random", "environment.substrate_params.m=0.1234567890123",
       "algorithm.lr_schedule={kind: cosine, warmup_updates: 3, final_fraction: 1e-7}",
       "algorithm.advantage=total", "observation.token_connectivity=in",
       "algorithm.two_stage_curriculum.stage_1_fixed_spawn_params.theta=-0.3",
       "actor_critic.weights_path='a \"quoted\" \\ name: #1'", "trainer.save_dir=\"tab\\there\"",
       "system.seed=18446744073709551615", "system.deterministic=false"});
  EXPECT_EQ(changed.run.save_dir, "tab\there");
  EXPECT_EQ(changed.ppo.lr_schedule.total_updates, changed.ppo.total_updates);
  const Config again = parse_config(to_yaml(changed), "again.yaml", {});
  EXPECT_EQ(to_yaml(again), to_yaml(changed));
  EXPECT_EQ(again.environment.substrate.m, 0.1234567890123);
  EXPECT_EQ(again.environment.fixed_spawn.theta, -0.3f);
  EXPECT_EQ(again.model.backbone.weights_path, changed.model.backbone.weights_path);
  EXPECT_EQ(again.run.save_dir, "tab\there");
  EXPECT_EQ(again.system.seed, changed.system.seed);
  EXPECT_NE(to_yaml(changed), to_yaml(Config{}));
}

TEST(ConfigDifferences, NameEveryKeyWhoseValueDiffers) {
  const Config first = parse_config("algorithm: {gamma: 0.9}\nsystem: {seed: 3}", "x.yaml", {});
  const Config second = parse_config("", "y.yaml", {"environment.substrate_size=[64, 32]"});
  const std::vector<ConfigDifference> found = differences(first, second);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].key, "environment.substrate_size");
  EXPECT_EQ(found[0].first, "[200, 400]");
  EXPECT_EQ(found[0].second, "[64, 32]");
  EXPECT_EQ(found[1].key, "algorithm.gamma");
  EXPECT_EQ(found[1].first, "0.9");
  EXPECT_EQ(found[1].second, "0.99");
  EXPECT_EQ(found[2].key, "system.seed");
  EXPECT_TRUE(differences(first, first).empty());
}

TEST(ConfigDifferences, ALengthInStepsEqualsTheSameInUpdates) {
  const Config steps =
      parse_config("", "x.yaml", {"algorithm.total_steps=1025", "trainer.rollout_steps=512"});
  const Config updates =
      parse_config("", "x.yaml", {"algorithm.total_updates=3", "trainer.rollout_steps=512"});
  EXPECT_TRUE(differences(steps, updates).empty());
}

TEST(ConfigSchema, EveryKeyIsUniqueAndDocumentedAndInADocumentedSection) {
  std::set<std::string> paths, sections;
  for (const ConfigSection& section : config_sections()) {
    EXPECT_FALSE(section.doc.empty()) << section.name;
    sections.insert(section.name);
  }
  for (const ConfigKey& key : config_keys()) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
    EXPECT_TRUE(sections.contains(key.path.substr(0, key.path.find('.')))) << key.path;
    EXPECT_FALSE(key.doc.empty()) << key.path;
    EXPECT_FALSE(key.type.empty()) << key.path;
  }
  for (const FixedKey& row : fixed_keys()) {
    EXPECT_TRUE(paths.insert(row.path).second) << row.path;
    EXPECT_FALSE(row.reason.empty()) << row.path;
  }
  for (const RetiredKey& row : retired_keys()) {
    EXPECT_TRUE(paths.insert(row.path).second) << row.path;
    EXPECT_FALSE(row.remedy.empty()) << row.path;
  }
}

TEST(ConfigSchema, EveryKeyIsBoundToItsOwnMember) {
  std::istringstream words(
      "1 2 0.5 0.2 false true -2 exponential in random resnet50 1ch_conv tf32 none joint total "
      "cosine "
      "constant cpu promote_leftmost_child state_machine sum image 48 other "
      "CartPole-v1 minibatch mse torchvision drawn both layer1 flatten impala");
  const std::vector<std::string> other_values{std::istream_iterator<std::string>(words), {}};
  Config defaults;
  for (const ConfigKey& key : config_keys()) {
    if (key.type.starts_with("list of {")) continue;  // freeze_schedule_test
    const std::string value = key.get(defaults);
    // Some other valid value must change this key's line and no other.
    Config changed;
    for (const std::string& text : other_values) {
      ConfigValue scalar;
      scalar.kind = ConfigValue::Kind::kScalar;
      scalar.text = text;
      const ConfigValue one{ConfigValue::Kind::kList, "", false, {scalar}, {}};
      ConfigValue pair{ConfigValue::Kind::kList, "", false, {scalar, scalar}, {}};
      pair.items[0].text = pair.items[1].text =
          key.path.ends_with("theta") ? "1.5" : "11";  // angles end at pi
      const ConfigValue group{ConfigValue::Kind::kMap, "", false, {scalar}, {text}};
      for (const ConfigValue& candidate : {scalar, one, pair, group}) {
        try {
          if (key.get(changed) == value) key.set(changed, candidate);
        } catch (const UsageError&) {
        }
      }
    }
    EXPECT_NE(key.get(changed), value) << key.path;
    for (const ConfigKey& other : config_keys()) {
      if (other.path == key.path) continue;
      EXPECT_EQ(other.get(changed), other.get(defaults)) << key.path << " changes " << other.path;
    }
  }
}

/// Configurations of which each has other keys without effect.
const std::vector<std::vector<std::string>>& kinds_of_configuration() {
  static const std::vector<std::vector<std::string>> kinds = [] {
    std::vector<std::vector<std::string>> all = {
        {},
        {"observation.kind=image"},
        {"algorithm.two_stage_curriculum.stage=2", "algorithm.enable_kl_early_stop=false",
         "algorithm.lr_schedule.kind=kl_adaptive"},
        {"environment.name=CartPole-v1"},
        {"environment.name=Pendulum-v1"},
        {"environment.name=IdentityHybrid"},
        {"environment.name=PixelPendulum", "observation.frames=2"},
        {"environment.name=PixelCartPole", "actor_critic.body=impala"},
        {std::string("environment.name=") + FROST_PLUGIN_DIR + "/counter.so"}};
    if (python_found()) all.push_back({"environment.name=" + python_task("Task")});
    return all;
  }();
  return kinds;
}

TEST(ConfigEffect, AKeyIsAcceptedWhereARunReadsItAndRefusedByNameElsewhere) {
  std::set<std::string> accepted, refused;
  for (const std::vector<std::string>& kind : kinds_of_configuration()) {
    Config config = parse_config("", "x.yaml", kind);
    const std::vector<const ConfigKey*> read = effective_keys(config);
    for (const ConfigKey& key : config_keys()) {
      std::vector<std::string> overrides = kind;
      overrides.push_back(key.path + "=" + key.get(config));
      const std::string message = problem("", overrides);
      if (!key.of_run || std::find(read.begin(), read.end(), &key) != read.end()) {
        EXPECT_EQ(message, "accepted");
        accepted.insert(key.path);
      } else {
        const std::string start =
            "--set " + overrides.back() + ": '" + key.path + "' has no effect: it needs ";
        EXPECT_EQ(message.substr(0, start.size()), start);
        refused.insert(key.path);
      }
    }
  }
  for (const ConfigKey& key : config_keys()) {
    const auto needs_only = [&](const KeyNeed& need) {
      return key.needs == std::vector<const KeyNeed*>{&need};
    };
    EXPECT_TRUE(accepted.contains(key.path) || (needs_only(KeyNeed::kPython) && !python_found()))
        << key.path;
    EXPECT_EQ(refused.contains(key.path), !key.needs.empty() && !needs_only(KeyNeed::kTimeLimit))
        << key.path;
  }
}

TEST(ConfigEffect, TheResolvedTextHoldsWhatIsReadAndTrainsAgainAsItIs) {
  for (const std::vector<std::string>& kind : kinds_of_configuration()) {
    const Config config = parse_config("study: {seeds: 7}", "x.yaml", kind);
    const std::string text = to_yaml(config);
    const Config again = parse_config(text, "again.yaml", {});
    EXPECT_EQ(to_yaml(again), text);
    EXPECT_TRUE(differences(config, again).empty());
    EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
              effective_keys(config).size() + groups_in(text));
    EXPECT_EQ(text.find("study"), std::string::npos);
  }
}

TEST(ConfigEffect, ATextOfAnEarlierVersionHoldsEveryKeyAndIsRead) {
  std::string text =
      std::regex_replace(default_config_yaml(), std::regex("\n( +)# (\\w+: )"), "\n$1$2");
  text = std::regex_replace(text, std::regex("name: durotaxis"), "name: CartPole-v1");
  const std::string message = problem(text);
  EXPECT_NE(
      message.find(" keys have no effect, the first 'environment.options': it needs an environment "
                   "in a library, and CartPole-v1 shows a vector and acts by choices: remove them, "
                   "or set environment.name to its path, as in ./libmine.so"),
      std::string::npos)
      << message;
  const Config config = parse_run_config(text, "run", {"algorithm.gamma=0.5"});
  EXPECT_EQ(config.environment.max_steps, 500);  // of CartPole-v1, whatever the text says
  EXPECT_EQ(config.ppo.gamma, 0.5);
  EXPECT_EQ(
      to_yaml(config),
      to_yaml(parse_config("", "x.yaml", {"environment.name=CartPole-v1", "algorithm.gamma=0.5"})));
  // An override is the user's, also of a run.
  EXPECT_THROW(parse_run_config(text, "run", {"encoder.num_layers=3"}), UsageError);
  EXPECT_EQ(
      parse_run_config(to_yaml(config), "run", {"environment.max_steps=7"}).environment.max_steps,
      7);
  EXPECT_EQ(parse_run_config(to_yaml(config), "run", {}).environment.max_steps, 500);
}

TEST(ConfigEffect, AnOverrideMayLeaveKeysOfTheFileBehind) {
  const std::string graph = to_yaml(Config{});
  const std::vector<std::string> image = {"observation.kind=image"};
  EXPECT_EQ(to_yaml(parse_config(graph, "x.yaml", image)), to_yaml(parse_config("", "", image)));
  EXPECT_EQ(to_yaml(parse_run_config(graph, "run", image)), to_yaml(parse_config("", "", image)));
  // A time limit of the file is for the environment of the file.
  const auto limit = [](const std::string& text, const std::vector<std::string>& overrides) {
    return parse_config(text, "x.yaml", overrides).environment.max_steps;
  };
  EXPECT_EQ(limit(graph, {"environment.name=CartPole-v1"}), 500);
  EXPECT_EQ(limit(graph, {"environment.name=CartPole-v1", "environment.max_steps=70"}), 70);
  EXPECT_EQ(limit("environment: {name: CartPole-v1, max_steps: 60}", {"system.seed=1"}), 60);
  EXPECT_EQ(
      limit("environment: {name: CartPole-v1, max_steps: 60}", {"environment.name=durotaxis"}),
      Config{}.environment.max_steps);
  // But not the other way round, and not what had no effect in the file either.
  EXPECT_EQ(problem("encoder: {num_layers: 3}", {"observation.kind=image", "encoder.num_heads=2"})
                .find("--set encoder.num_heads=2: 'encoder.num_heads' has no effect"),
            0u);
  EXPECT_EQ(problem("actor_critic: {mlp_hidden: [8]}", {"environment.name=CartPole-v1"}),
            "accepted");
  EXPECT_EQ(problem("actor_critic: {mlp_hidden: [8]}", image)
                .find("x.yaml:1: 'actor_critic.mlp_hidden' has no effect"),
            0u);
}

TEST(ConfigFiles, ShippedFilesLoad) {
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root() / "configs")) {
    if (entry.path().extension() != ".yaml") continue;
    EXPECT_EQ(problem_of_file(entry.path()), "accepted");
    ++files;
  }
  EXPECT_GE(files, 2);
  EXPECT_EQ(to_yaml(load_config(root() / "config.yaml", {})), to_yaml(Config{}));
}

TEST(ConfigFiles, GeneratedTextsAreUpToDate) {
  const std::pair<std::filesystem::path, std::string> files[] = {
      {root() / "config.yaml", default_config_yaml()},
      {root() / "docs" / "config.md", config_reference_markdown()}};
  for (const auto& [path, text] : files) {
    if (std::getenv("FROST_WRITE_GENERATED") != nullptr) std::ofstream(path) << text;
    EXPECT_EQ(read(path), text) << "run this test with FROST_WRITE_GENERATED=1 and look at "
                                << path;
  }
}

}  // namespace
}  // namespace frost
