#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>
#include <fstream>

#include "kernels/errors.h"
#include "tests/op_table/op_cases.h"
#include "tests/text_files.h"
#include "tests/weights/weight_file_helpers.h"
#include "tools/reports/csv_table.h"
#include "tools/reports/parameter_report.h"
#include "tools/reports/run_report.h"
#include "tools/runs/logs/table_writer.h"
#include "tools/runs/run.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

class RunReport : public testing::Test {
 protected:
  /// Logs updates 1 to 4; episodes finish in the even ones.
  void log_updates(const char* goal = "true") {
    run_.write_config("algorithm: {gamma: 0.99}  # a < b\n");
    run_.write_status({{"program", "frostline train"},
                       {"device", "cpu & more"},
                       {"licence", ""},
                       {"freeze_modes", "all, layer4.1 after update 2, none after update 9"},
                       {"has_goal", goal}});
    for (int update = 1; update <= 4; ++update) {
      Metrics m;
      m.add("charts/update", update);
      m.add("charts/global_step", 64.0 * update);
      m.add("charts/episodes_finished", update % 2 == 0 ? 3 : 0);
      m.add("charts/episodic_return", update % 2 == 0 ? 0.5 * update : NAN);
      m.add("charts/success_rate", update % 2 == 0 ? 0.25 * update : NAN);
      m.add("losses/entropy", 0.7 - 0.1 * update);
      m.add("grad_norm/heads", 0.3);
      m.add("grad_norm/backbone", 0);
      m.add("lr/heads", 3e-4);
      tables_.log_update(m);
      MemoryLedger::Bytes bytes{};
      bytes.peak[static_cast<std::size_t>(MemoryTag::kSaved)] = (10 + update) << 20;
      tables_.log_timing(update, 64, {1.0, 2.0}, bytes);
    }
  }
  std::string report() {
    run_.write_report("trainable 3 %", "GIF89a!");
    return read_text(run_.path() / "report.html");
  }
  test::TemporaryFolder holder_;
  frost::Run run_ = frost::Run::create(holder_ / "0007", "");
  TableWriter tables_{run_.path(), 0, 0};
};

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_F(RunReport, ShowsTheCurvesOfWhatWasLogged) {
  log_updates();
  EvaluationResult result;
  result.episodes = {{0, 0, 10, 3, 1, 5, true}, {0, 1, 12, 5, 1, 5, true}};
  tables_.log_evaluation(2, result);
  const std::string page = report();
  for (const char* title :
       {"Run 0007", "trainable 3 %", "<th scope=row>device</th><td>cpu &amp; more</td>", ">Return<",
        ">Success rate<", ">Entropy of the actions<", ">Learning rates<",
        ">Gradient norms before clipping<", ">Throughput<", ">Memory by category, peak<",
        ">held out<", "# a &lt; b", "src=\"data:image/gif;base64,R0lGODlhIQ==\""}) {
    EXPECT_NE(page.find(title), page.npos) << title;
  }
  EXPECT_EQ(occurrences(page, "<svg"), occurrences(page, "</svg>"));
  // The mean of 3 and 5 is 4; the half interval is 12.706 deviations, sqrt 2 / sqrt 2, of it.
  EXPECT_NE(page.find("<td>4 [-8.706, 16.71]</td>"), page.npos);
  EXPECT_EQ(page.find("licence"), page.npos) << "an empty fact";
  EXPECT_EQ(page.find(">Value loss<"), page.npos) << "a column the run lacks has no chart";
  EXPECT_EQ(page.find(">backbone<"), page.npos) << "a group without gradient has no line";
  // Nothing is loaded: the names of a namespace are all that looks like an address.
  EXPECT_EQ(occurrences(page, "http://"), occurrences(page, "<svg") + 1);
  for (const char* part : {"https://", "nan", "script src", "<link"}) {
    EXPECT_EQ(occurrences(page, part), 0) << part;
  }
}

TEST_F(RunReport, UpdatesWithoutAFinishedEpisodeHaveNoReturn) {
  log_updates();
  const std::string page = report();
  const std::size_t chart = page.find("aria-label=\"Return\"");
  ASSERT_NE(chart, page.npos);
  const std::string svg = page.substr(chart, page.find("</svg>", chart) - chart);
  EXPECT_EQ(occurrences(svg, "h0"), 2) << "two points, each alone";
}

TEST_F(RunReport, EachChartIsDrawnAgainstStepsAndSecondsAndWithLogarithms) {
  log_updates();
  const std::string page = report();
  EXPECT_EQ(occurrences(page, "aria-label=\"Return\""), 4);
  EXPECT_EQ(occurrences(page, ">environment steps<"), occurrences(page, ">seconds of training<"));
  // Updates of 64 steps and 3 seconds.
  EXPECT_NE(page.find("\"steps\":[64,128,192,256],\"seconds\":[3,6,9,12]"), page.npos);
  EXPECT_NE(page.find("\"y\":[null,1,null,2]"), page.npos);
}

TEST_F(RunReport, TheFreezeModesThatWereReachedAreABar) {
  log_updates();
  const std::string page = report();
  EXPECT_NE(page.find("title=\"all, updates 1 to 2\">all<small>128 steps<"), page.npos);
  EXPECT_NE(page.find("title=\"layer4.1, updates 3 to 4\">layer4.1<small>6 s<"), page.npos);
  EXPECT_EQ(page.find("title=\"none,"), page.npos) << "planned, not reached";
}

TEST_F(RunReport, WithoutAGoalNothingIsSaidOfSuccess) {
  log_updates("false");
  EXPECT_EQ(report().find("uccess"), std::string::npos);
}

TEST_F(RunReport, LongRunsAreShownByMeansOfUpdates) {
  run_.write_config("");
  run_.write_status({{"program", "frostline train"}});
  std::string metrics = "charts/update,charts/global_step,losses/entropy\n";
  std::string timing = "charts/update,time/collect_seconds,time/learn_seconds\n";
  for (int update = 1; update <= 2500; ++update) {
    metrics += fmt::format("{},{},{}\n", update, 10 * update, update % 3);
    timing += fmt::format("{},1,1\n", update);
  }
  std::ofstream(run_.path() / "metrics.csv") << metrics;
  std::ofstream(run_.path() / "timing.csv") << timing;
  const std::string page = report();
  EXPECT_NE(page.find("\"update\":[2,5,8,"), page.npos);
  EXPECT_NE(page.find("\"y\":[1,1,1,"), page.npos);
  EXPECT_LT(page.size(), 200000u);
}

TEST_F(RunReport, ATableThatAnEarlierVersionBeganKeepsItsColumns) {
  log_updates();
  const fs::path table = run_.path() / "evaluations.csv";
  std::ofstream(table) << "update,eval/steps,eval/gone,eval/return\n1,7,0,3\n";
  EvaluationResult result;
  result.episodes = {{0, 0, 10, 3, 1, 5, true}};
  tables_.log_evaluation(2, result);
  EXPECT_EQ(read_text(table), "update,eval/steps,eval/gone,eval/return\n1,7,0,3\n2,10,,3\n");
  EXPECT_NE(report().find(">held out<"), std::string::npos);
}

TEST_F(RunReport, AComparisonHasALineForEachRunAndTheValuesThatDiffer) {
  log_updates();
  frost::Run other = frost::Run::create(holder_ / "a<b", "");
  for (const char* file : {"metrics.csv", "timing.csv", "run.json"}) {
    fs::copy_file(run_.path() / file, other.path() / file);
  }
  const std::string page =
      comparison_html({run_.path(), other.path()}, {{"algorithm.gamma", {"0.99", "0.9"}}});
  EXPECT_NE(page.find("<tr class=differs><th scope=row>algorithm.gamma</th><td>0.99</td><td>0.9<"),
            page.npos);
  EXPECT_NE(page.find(">Gradient norms before clipping: heads<"), page.npos);
  EXPECT_NE(page.find("\"name\":\"a\\u003cb\""), page.npos) << "no tag within the script";
  EXPECT_EQ(occurrences(page, "<script"), 2);
  EXPECT_EQ(occurrences(page, "a<b"), 0);
}

TEST_F(RunReport, AnEvaluationIsNotNeededButTheTablesAre) {
  log_updates();
  EXPECT_EQ(report().find(">held out<"), std::string::npos);
  fs::remove(run_.path() / "report.html");
  fs::remove(run_.path() / "timing.csv");
  EXPECT_TRUE(test::refuses([&] { run_.write_report("", ""); }, "timing.csv"));
  EXPECT_FALSE(fs::exists(run_.path() / "report.html"));
}

TEST_F(RunReport, ARunStoppedBeforeItsFirstUpdateIsDoneHasOneWithoutCurves) {
  run_.write_config("algorithm: {gamma: 0.99}\n");
  run_.write_status({{"program", "frostline train"}});
  const std::string page = report();
  EXPECT_NE(page.find("No update is done yet."), page.npos);
  EXPECT_NE(page.find("gamma"), page.npos);
  EXPECT_EQ(page.find("<svg"), page.npos);
}

TEST_F(RunReport, ARowCutShortWhenARunWasKilledIsGoneOnceItIsReopened) {
  log_updates();
  const fs::path table = run_.path() / "metrics.csv";
  const std::string whole = read_text(table);
  for (const std::size_t lost : {1u, 3u, 20u}) {
    std::ofstream(table) << whole.substr(0, whole.size() - lost);
    TableWriter(run_.path(), 4, 256);
    EXPECT_EQ(CsvTable::read(table).rows(), 3u) << lost;
  }
  std::ofstream(table) << whole;
  TableWriter(run_.path(), 2, 128);
  EXPECT_EQ(CsvTable::read(table).column("charts/update"), (std::vector<double>{1, 2}));
}

TEST(KernelProfile, SaysWhereOnlyEnqueueingWasTimed) {
  for (const Backend* backend : test_backends()) {
    EXPECT_EQ(kernel_profile(*backend).starts_with("kernel "), backend->host_readable());
  }
}

}  // namespace
}  // namespace frost
