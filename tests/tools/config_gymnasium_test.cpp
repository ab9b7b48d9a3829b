#include "tools/config/sections/config_gymnasium.h"

#include "rl/envs/gymnasium/gymnasium_config.h"
#include "tests/rl/gymnasium/python_tasks.h"
#include "tests/tools/config_problem.h"
#include "tools/config/config_text.h"
#include "tools/config/environments.h"

namespace frost {
namespace {

class PythonKeys : public PythonTest {
 protected:
  const std::string name_ = "environment.name=" + python_task("Task");
};

TEST(PythonNames, SayWhichEnvironmentTheyMean) {
  for (const char* name :
       {"gymnasium:", "envpool:", "python:", "python:module", "python::make", "python:module:"}) {
    const std::string message = problem("", {"environment.name=\"" + std::string(name) + "\""});
    EXPECT_NE(message.find("'environment.name' is '" + std::string(name) + "', expected "),
              std::string::npos)
        << message;
  }
  EXPECT_NE(problem("", {"environment.workers=2"}).find("it needs a Python environment"),
            std::string::npos);
}

TEST_F(PythonKeys, ArgumentsKeepTheTypesThatYamlGivesThem) {
  const Config config = parse_config(
      "environment:\n"
      "  name: " +
          python_task("Task") +
          "\n"
          "  kwargs:\n    limit: 7\n    fault: \"\"\n    at: 12\n",
      "x.yaml", {});
  EXPECT_EQ(config.gymnasium.kwargs, R"({"limit": 7, "fault": "", "at": 12})");
  EXPECT_EQ(config.environment.max_steps, 7);  // of the environment itself
  const Config again = parse_config(to_yaml(config), "again.yaml", {});
  EXPECT_EQ(to_yaml(again), to_yaml(config));
  EXPECT_EQ(again.gymnasium, config.gymnasium);
  EXPECT_EQ(again.environment_name, config.environment_name);
}

TEST(PythonArguments, AreJson) {
  using Kind = ConfigValue::Kind;
  const auto scalar = [](const char* text, bool quoted = false) {
    return ConfigValue{Kind::kScalar, text, quoted, {}, {}};
  };
  EXPECT_EQ(to_json(scalar("5")), "5");
  EXPECT_EQ(to_json(scalar("5", true)), "\"5\"");
  EXPECT_EQ(to_json(scalar("2.0")), "2.0");
  EXPECT_EQ(to_json(scalar("1e-3")), "0.001");
  EXPECT_EQ(to_json(scalar("true")), "true");
  EXPECT_EQ(to_json(scalar("a \"b\"\n")), "\"a \\\"b\\\"\\u000a\"");
  EXPECT_EQ(to_json(ConfigValue{}), "null");
  const ConfigValue list{Kind::kList, "", false, {scalar("1"), scalar("x")}, {}};
  EXPECT_EQ(to_json({Kind::kMap, "", false, {list}, {"sizes"}}), R"({"sizes": [1, "x"]})");
}

TEST_F(PythonKeys, AnOverrideMayGiveTheInterpreterThatAFileLacks) {
  const std::string file =
      "environment: {name: '" + python_task("Task") + "', python: no-such-python, timeout: 50}";
  EXPECT_NE(problem(file).find("environment.python is 'no-such-python'"), std::string::npos);
  EXPECT_EQ(problem(file, {"environment.python=python3"}), "accepted");
}

TEST_F(PythonKeys, TheTimeLimitIsTheEnvironmentsUnlessItIsGiven) {
  const auto limit = [&](const std::vector<std::string>& more) {
    std::vector<std::string> overrides = {name_};
    overrides.insert(overrides.end(), more.begin(), more.end());
    return environment_factory(parse_config("", "x.yaml", overrides))()->spec().time_limit;
  };
  EXPECT_EQ(limit({}), 10);
  EXPECT_EQ(limit({"environment.max_steps=4"}), 4);
  EXPECT_EQ(limit({"environment.kwargs={limit: 30}"}), 30);
  EXPECT_NE(problem("", {name_, "environment.kwargs={limit: 0}", "environment.max_steps=4"})
                .find("it needs episodes with a time limit"),
            std::string::npos);
}

}  // namespace
}  // namespace frost
