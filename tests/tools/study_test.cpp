#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "kernels/errors.h"
#include "rl/metrics.h"
#include "tests/text_files.h"
#include "tools/lab/study/study_curves.h"
#include "tools/lab/study/study_html.h"
#include "tools/lab/study/study_statistics.h"
#include "tools/lab/study/study_tables.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

/// Four updates of 100 steps and 2 s with the given returns; evaluated after the second and last.
void write_run(const fs::path& folder, const std::array<double, 4>& returns, double success) {
  std::string metrics = "charts/update,charts/global_step,charts/episodic_return\n";
  std::string timing =
      "charts/update,time/collect_seconds,time/learn_seconds,memory_peak/total,"
      "memory_peak/gradients,memory_peak/optimizer,memory_peak/saved\n";
  for (int u = 1; u <= 4; ++u) {
    metrics += std::to_string(u) + "," + std::to_string(100 * u) + "," +
               std::to_string(returns[static_cast<std::size_t>(u) - 1]) + "\n";
    timing += std::to_string(u) + ",0.5,1.5,4194304,1048576,2097152,524288\n";
  }
  write_text(folder / "metrics.csv", metrics);
  write_text(folder / "timing.csv", timing);
  write_text(folder / "evaluations.csv",
             "update,eval/success_rate,eval/progress,eval/return\n2,0.5,0.6,1\n4,0.95,0.9,2\n");
  write_text(folder / "held_out.csv",
             "policy,episode,steps,return,progress,termination_case,success\n"
             "sampled,0,40,2,0.9,5,1\nsampled,1,60,1,0.2,2," +
                 std::string(success > 0.5 ? "1" : "0") +
                 "\nargmax,0,41,2,0.9,5,1\nargmax,1,43,2,0.9,5,1\n");
}

class Study : public testing::Test {
 protected:
  void SetUp() override {
    out_ = fs::path(testing::TempDir()) / "study_test";
    fs::remove_all(out_);
    study_.freeze_modes = {"none", "all"};
    study_.seeds = 2;
  }
  void TearDown() override { fs::remove_all(out_); }

  const Quantity& quantity(const std::string& name) const {
    for (const Quantity& q : study_quantities()) {
      if (q.name == name) return q;
    }
    throw Error("no quantity " + name);
  }
  double quantity(const std::string& name, const StudyResult& run) const {
    return quantity(name).of(run);
  }
  const CurveKind& curve_of(const std::string& column) const {
    for (const CurveKind& kind : study_curves()) {
      if (kind.column == column) return kind;
    }
    throw Error("no curve of " + column);
  }

  fs::path out_;
  StudyConfig study_;
};

TEST_F(Study, PlansEveryModeVariantAndSeed) {
  study_.variants = {"", "environment.substrate_params.m=0.01"};
  const auto runs = planned_runs(study_);
  ASSERT_EQ(runs.size(), 8u);
  EXPECT_EQ(runs.front().name(), "none-seed0");
  EXPECT_EQ(runs.back().name(), "m=0.01-all-seed1");
  const std::string plan = study_commands(study_);
  EXPECT_NE(plan.find("run 100 777 m=0.01-all-seed1 --seed 1 --set "
                      "actor_critic.backbone.freeze_mode=all --set "
                      "environment.substrate_params.m=0.01\n"),
            std::string::npos);
  EXPECT_NE(plan.find("baseline 100 777 half_delete half_delete\n"), std::string::npos);
}

TEST_F(Study, RefusesAVariantThatIsNotOneWord) {
  for (const char* variant : {"a.b", "a.b=c d", "a.b=$(x)", "a/b=1"}) {
    study_.variants = {variant};
    EXPECT_THROW(study_commands(study_), UsageError) << variant;
  }
}

TEST_F(Study, ReadsFinishedRunsAndLeavesOthersOut) {
  write_run(out_ / "none-seed0", {0, 2, 1, 3}, 0);
  write_run(out_ / "all-seed0", {0, 1, 2, 3}, 1);
  write_text(out_ / "all-seed1" / "metrics.csv", "charts/update\n");  // still running
  const StudyResults results = read_study(study_, out_);
  EXPECT_EQ(results.planned, 4u);
  ASSERT_EQ(results.runs.size(), 2u);
  const StudyResult& none = results.runs[0];
  EXPECT_EQ(none.run.freeze_mode, "none");
  EXPECT_EQ(none.sampled.success, 0.5);
  EXPECT_EQ(none.sampled.median_steps, 40);
  EXPECT_EQ(none.argmax.median_steps, 42);
  EXPECT_EQ(quantity("roughness of the return", none), (2 + 1 + 2) / 3.0);
  EXPECT_EQ(quantity("roughness of the return", results.runs[1]), 1);
  EXPECT_NEAR(quantity("slope of the return, second half", none), 20, 1e-9);  // 2 in 100 steps
  EXPECT_EQ(quantity("return, first quarter", none), 0);
  EXPECT_EQ(quantity("return, last quarter", none), 3);
  EXPECT_EQ(quantity("steps to 90 % success", none), 400);
  EXPECT_EQ(quantity("training time", none), 8);
  EXPECT_EQ(quantity("speed", none), 50);
  EXPECT_EQ(quantity("peak memory", none), 4);
  EXPECT_EQ(quantity("gradients and moments", none), 3);

  fs::remove(out_ / "none-seed0" / "evaluations.csv");  // a run may have none
  EXPECT_TRUE(std::isnan(quantity("steps to 90 % success", read_study(study_, out_).runs[0])));
}

TEST_F(Study, ReportsMeansCurvesAndDifferences) {
  write_run(out_ / "none-seed0", {0, 2, 1, 3}, 0);
  write_run(out_ / "none-seed1", {2, 2, 1, 5}, 0);
  write_run(out_ / "all-seed0", {0, 1, 2, 7}, 1);
  write_run(out_ / "all-seed1", {0, 1, 2, 11}, 1);
  const StudyResults results = read_study(study_, out_);
  const auto none = runs_of(results, "", "none"), all = runs_of(results, "", "all");
  const auto points = curve(curve_of("charts/episodic_return"), none);
  ASSERT_EQ(points.size(), 4u);
  EXPECT_EQ(points[3].mean, 4);
  EXPECT_EQ(points[3].low, 3);
  EXPECT_EQ(points[3].high, 5);
  EXPECT_EQ(points[3].steps, 400);
  EXPECT_EQ(points[3].seconds, 8);
  EXPECT_TRUE(curve(curve_of("losses/entropy"), none).empty());  // which these tables lack
  const Summary s = summarise(quantity("return, last quarter"), all, none);  // 7, 11 against 3, 5
  EXPECT_EQ(s.value.mean, 9);
  EXPECT_EQ(s.difference.mean, 5);
  EXPECT_NEAR(s.difference.high, 5 + 12.706 * 1, 1e-9);  // t(0.975, 1) times 1.4142 / sqrt 2
  const std::string html = study_html(study_, results);
  EXPECT_NE(html.find("4 of 4 runs"), std::string::npos);
  EXPECT_NE(html.find("<svg"), std::string::npos);
  EXPECT_NE(study_curves_csv(study_, results).find(",none,return while training,400,8.0,4,3,5\n"),
            std::string::npos);
  EXPECT_NE(study_summary_csv(study_, results).find("\"return, last quarter\",,2,9,"),
            std::string::npos);
}

TEST_F(Study, IntervalsOfSharesAreWithinTheirRangeAndEmptyCellsAreGaps) {
  write_run(out_ / "none-seed0", {0, 2, 1, 3}, 0);
  write_run(out_ / "none-seed1", {2, 2, 1, 5}, 1);
  write_run(out_ / "all-seed0", {0, 1, 2, 7}, 1);
  write_run(out_ / "all-seed1", {0, 1, 2, 11}, 1);
  for (const char* seed : {"none-seed0", "none-seed1"}) {  // no episode ended in update 2
    write_text(out_ / seed / "metrics.csv",
               "charts/update,charts/global_step,charts/episodic_return\n1,100,1\n2,200,\n3,300,2\n"
               "4,400," +
                   std::string(seed == std::string("none-seed0") ? "" : "6") + "\n");
  }
  const StudyResults results = read_study(study_, out_);
  const auto none = runs_of(results, "", "none"), all = runs_of(results, "", "all");
  const Summary s = summarise(quantity("success, sampled"), none, all);  // 50 and 100 %
  EXPECT_EQ(s.value.mean, 75);
  EXPECT_GE(s.value.low, 0);
  EXPECT_LE(s.value.high, 100);
  EXPECT_EQ(s.difference.low, -100);  // Student's t alone says -343
  EXPECT_EQ(s.difference.high, 100);
  EXPECT_EQ(quantity("roughness of the return", results.runs[0]), 1);  // 1, then 2
  EXPECT_EQ(quantity("return, last quarter", results.runs[0]), 2);
  const auto points = curve(curve_of("charts/episodic_return"), none);
  EXPECT_EQ(points[0].mean, 1);
  EXPECT_TRUE(std::isnan(points[1].mean) && std::isnan(points[1].low));
  EXPECT_EQ(points[3].mean, 6);  // of the one run that has a value there
  EXPECT_EQ(points[3].low, 6);
}

TEST(Median, IsTheMiddleOrTheMeanOfTheTwoThere) {
  EXPECT_EQ(median({5, 1, 3}), 3);
  EXPECT_EQ(median({5, 1, 3, 4}), 3.5);
  EXPECT_TRUE(std::isnan(median({})));
}

TEST(MeanInterval, FollowsStudentsT) {
  const MeanInterval three = mean_interval({1, 2, 6});
  EXPECT_EQ(three.mean, 3);
  // The deviation is sqrt 7, t(0.975, 2) is 4.303.
  EXPECT_NEAR(three.high, 3 + 4.303 * std::sqrt(7.0 / 3), 1e-9);
  const MeanInterval one = mean_interval({4, NAN});
  EXPECT_EQ(one.n, 1);
  EXPECT_EQ(one.mean, 4);
  EXPECT_TRUE(std::isnan(one.low));
}

// Reference values: SciPy 1.17.1, scipy.stats.t.ppf(0.975, freedom).
TEST(StudentQuantile, IsRightBeyondTheTable) {
  const std::pair<std::size_t, double> cases[] = {
      {1, 12.706205},  {2, 4.302653},   {10, 2.228139},  {20, 2.085963}, {21, 2.079614},
      {22, 2.073873},  {25, 2.059539},  {30, 2.042272},  {40, 2.021075}, {60, 2.000298},
      {100, 1.983972}, {120, 1.979930}, {1000, 1.962339}};
  for (const auto& [freedom, value] : cases) {
    EXPECT_NEAR(student_quantile(freedom), value, freedom <= 20 ? 5e-4 : 1e-5) << freedom;
  }
}

TEST(MeanInterval, OfManySeedsIsNotTheNormals) {
  std::vector<double> values;
  for (int i = 0; i < 22; ++i) values.push_back(i % 2);
  // The deviation of eleven 0 and eleven 1 is sqrt(22 / 4 / 21).
  EXPECT_NEAR(mean_interval(values).high, 0.5 + 2.079614 * std::sqrt(0.25 / 21), 1e-5);
}

// Reference values: statsmodels 0.15.0, proportion_confint(method="wilson") of the mean, of as many
// results as the variance of the mean leaves, at the level whose normal quantile is Student's.
TEST(ShareInterval, IsWilsonsOfWhatTheSpreadOverTheSeedsLeaves) {
  const struct {
    std::vector<double> shares;
    double trials, low, high;
  } cases[] = {{{0, 0, 0, 0, 1}, 100, 0.017581719536521878, 0.7773982978491726},
               {{0.98, 0.79, 0.49, 1, 0.82}, 100, 0.48806397938750945, 0.9537663284931786},
               {{1, 1, 1}, 20, 0.7641773136413839, 1},
               {{0, 0}, 50, 0, 0.6175066239055391},
               {{0.9, 0.91, 0.92, 0.9, 0.91}, 10, 0.7346699727260141, 0.9723600685645403}};
  for (const auto& c : cases) {
    const MeanInterval m = share_interval(c.shares, c.trials);
    EXPECT_NEAR(m.low, c.low, 1e-12);
    EXPECT_NEAR(m.high, c.high, 1e-12);
  }
}

TEST(ShareInterval, StaysWithinItsRange) {
  for (int seeds = 2; seeds <= 6; ++seeds) {
    for (int bits = 0; bits < 1 << (2 * seeds); ++bits) {
      std::vector<double> shares;
      for (int s = 0; s < seeds; ++s) shares.push_back((bits >> (2 * s) & 3) / 3.0);
      const MeanInterval m = share_interval(shares, 30);
      ASSERT_GE(m.low, 0);
      ASSERT_LE(m.low, m.mean + 1e-12);
      ASSERT_GE(m.high, m.mean - 1e-12);
      ASSERT_LE(m.high, 1);
    }
  }
  EXPECT_TRUE(std::isnan(share_interval({0.5}, 100).low));
}

}  // namespace
}  // namespace frost
