#include <gtest/gtest.h>

#include <cstdlib>

#include "kernels/errors.h"
#include "tests/engine/errors.h"
#include "tests/rl/gymnasium/python_tasks.h"

// `gymnasium:ID` through a package of that name, which the tests bring.
namespace frost {
namespace {

constexpr const char* kName = "gymnasium:tests:Counting-v0";

class GymnasiumPackage : public PythonTest {
 protected:
  void TearDown() override { ::unsetenv("PYTHONPATH"); }

  static EnvironmentFactory factory(const std::string& package, const std::string& kwargs) {
    const std::string folder = source_path("tests/rl/gymnasium/" + package).string();
    ::setenv("PYTHONPATH", folder.c_str(), 1);
    GymnasiumConfig config;
    config.kwargs = kwargs;
    return [pool = std::make_shared<WorkerPool>(kName, config)] {
      return std::make_unique<GymnasiumEnvironment>(pool);
    };
  }
};

Action any_action() {
  return {{1}, {}};
}

TEST_F(GymnasiumPackage, MakesTheEnvironmentWithItsKeywordsAndReadsTheLimitOfItsWrapper) {
  const auto environment = factory("package", R"({"max_episode_steps": 4})")();
  EXPECT_EQ(environment->spec().time_limit, 4);
  EXPECT_TRUE(environment->spec().resumes_exactly);
  environment->reset(3);
  for (int t = 1; t <= 4; ++t) {
    const StepResult result = environment->step(any_action());
    EXPECT_EQ(result.truncated, t == 4) << t;
    EXPECT_FALSE(result.terminated);
  }
}

// The state of what the wrapper wraps, and the steps that the wrapper counts.
TEST_F(GymnasiumPackage, GoesOnInTheMiddleOfAnEpisodeThroughAWrapper) {
  const EnvironmentFactory make = factory("package", "{}");
  const auto whole = make(), restored = make();
  whole->reset(3);
  for (int t = 0; t < 4; ++t) whole->step(any_action());
  restored->reset(8);
  restored->load_state(whole->save_state());
  for (int t = 5; t <= 6; ++t) {
    const StepResult want = whole->step(any_action()), got = restored->step(any_action());
    EXPECT_EQ(got.reward, want.reward);
    EXPECT_EQ(got.truncated, t == 6);
    EXPECT_EQ(std::get<VectorObservation>(restored->observe()).values,
              std::get<VectorObservation>(whole->observe()).values);
  }
}

TEST_F(GymnasiumPackage, WithoutItOneLineSaysWhatToInstall) {
  const std::string line = error_of([] { factory("absent", "{}"); });
  EXPECT_NE(line.find("has no Gymnasium: install it by '"), std::string::npos) << line;
}

}  // namespace
}  // namespace frost
