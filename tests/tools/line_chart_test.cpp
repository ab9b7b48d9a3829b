#include "tools/reports/line_chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/errors.h"

namespace frost {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

const ChartText kText{"return", "update", "reward"};

TEST(LineChart, TicksAreRoundNumbersInsideTheRange) {
  EXPECT_EQ(round_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  const std::vector<double> small = round_ticks(-0.13, 0.37, 5);
  ASSERT_EQ(small.size(), 5);
  EXPECT_NEAR(small.front(), -0.1, 1e-12);
  EXPECT_EQ(small[1], 0.0);
  EXPECT_NEAR(small.back(), 0.3, 1e-12);
  for (const double high : {3e-7, 1.0, 17.0, 2.6e9}) {
    const std::vector<double> ticks = round_ticks(0, high, 8);
    EXPECT_GE(ticks.size(), 4) << high;
    EXPECT_LE(ticks.size(), 9) << high;
    EXPECT_LE(ticks.back(), high * (1 + 1e-9));
  }
}

TEST(LineChart, ALineSpansThePlotAndABandIsOneArea) {
  const Series line{"all", {1, 2, 3}, {0, 5, 10}, {0, 4, 8}, {1, 6, 12}};
  const std::string svg = line_chart_svg(kText, {line});
  EXPECT_TRUE(svg.starts_with("<svg")) << svg;
  EXPECT_TRUE(svg.ends_with("</svg>\n")) << svg;
  for (const char* text : {">return<", ">update<", ">reward<"})
    EXPECT_EQ(occurrences(svg, text), 1);
  EXPECT_EQ(occurrences(svg, "fill-opacity"), 1);
  // x from the axis at 64 to the right edge at 504; y to the bottom at 230 and 10 of 12 up.
  EXPECT_NE(svg.find("\"M64 230l220-80 220-80\""), svg.npos) << svg;
  EXPECT_NE(svg.find("data-x=\"1 3 64 504\" data-y=\"0 12 230 38\""), svg.npos) << svg;
  EXPECT_EQ(svg.find("script"), svg.npos);
  EXPECT_EQ(svg.find(">all<"), svg.npos) << "one line needs no legend";
}

TEST(LineChart, ValuesThatAreNotFiniteLeaveGaps) {
  const Series gaps{"g", {0, 1, 2, 3, 4, 5}, {1, 2, kNaN, 4, kInfinity, 6}, {}, {}};
  const std::string svg = line_chart_svg(kText, {gaps, {"empty", {}, {}, {}, {}}});
  EXPECT_EQ(svg.find("nan"), svg.npos);
  EXPECT_EQ(svg.find("inf"), svg.npos);
  EXPECT_EQ(occurrences(svg, "h0"), 2) << "points alone are dots\n" << svg;
  const Series banded{"b", {0, 1, 2, 3}, {1, 2, 3, 4}, {0, kNaN, 2, 3}, {2, 3, 4, 5}};
  EXPECT_EQ(occurrences(line_chart_svg(kText, {banded}), "ZM"), 1) << "two areas";
}

TEST(LineChart, LogarithmsSpaceDecadesEvenlyAndLeaveGapsForWhatIsNotPositive) {
  const Series line{"l", {0, 1, 2, 3, 4}, {1, 10, 100, 0, 1000}, {}, {}};
  const std::string svg = line_chart_svg({"t", "x", "y", true}, {line});
  EXPECT_NE(svg.find("\"M64 230l110-64 110-64M504 38h0\""), svg.npos) << svg;
  EXPECT_NE(svg.find("data-y=\"1 1000 230 38 log\""), svg.npos) << svg;
  EXPECT_EQ(log_ticks(1, 1000), (std::vector<double>{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}));
  EXPECT_EQ(log_ticks(1, 1e6), (std::vector<double>{1, 10, 100, 1e3, 1e4, 1e5, 1e6}));
  EXPECT_GE(log_ticks(3.1, 3.2).size(), 2u);
  EXPECT_LE(log_ticks(1e-90, 1e90).size(), 10u);
}

TEST(LineChart, WhatIsSmoothIsDrawnThickBeforeItsValues) {
  Series line{"l", {0, 1, 2}, {0, 10, 0}, {}, {}};
  EXPECT_EQ(occurrences(line_chart_svg(kText, {line}), "stroke-width=\"2\""), 0);
  line.smooth = {0, 5, 5};
  const std::string svg = line_chart_svg(kText, {line});
  EXPECT_LT(svg.find("M64 230l220-192 220 192"), svg.find("M64 230l220-96 220 0")) << svg;
  EXPECT_EQ(occurrences(svg, "stroke-width=\"2\""), 1);
}

TEST(LineChart, MarksAndZeroAreShownWhereAskedFor) {
  const Series line{"l", {0, 10}, {8, 10}, {}, {}};
  const ChartText marked{"t", "x", "y", false, true, {5, 20}};
  const std::string svg = line_chart_svg(marked, {line});
  EXPECT_EQ(occurrences(svg, "<line x1=\"284.0\""), 1) << "5 lies in the middle, 20 outside";
  EXPECT_NE(svg.find("data-y=\"0 10 230 38\""), svg.npos) << svg;
}

TEST(LineChart, NothingToDrawIsSaid) {
  for (const std::vector<Series>& series :
       {std::vector<Series>{}, {{"s", {0, 1}, {kNaN, kNaN}, {}, {}}}}) {
    EXPECT_NE(line_chart_svg(kText, series).find("no data"), std::string::npos);
  }
}

TEST(LineChart, RangesWithoutExtentAndExtremeOnesAreDrawn) {
  for (const double v : {0.0, 1.0, -3e-5, 1e-310, 1e99, 1e200, 1e300}) {
    const std::string svg = line_chart_svg(kText, {{"s", {1, 2}, {v, v}, {}, {}}});
    EXPECT_EQ(svg.find("nan"), svg.npos) << v;
    EXPECT_LT(svg.size(), 6000) << v;
  }
  const std::string wide = line_chart_svg(kText, {{"s", {1, 2}, {-9e99, 9e99}, {}, {}}});
  EXPECT_EQ(wide.find("nan"), wide.npos);
  EXPECT_LT(wide.size(), 6000);
}

TEST(LineChart, TheLegendNamesEveryLineEscapedAndInAColourOrDashOfItsOwn) {
  std::vector<Series> series;
  for (int i = 0; i < 10; ++i)
    series.push_back({"mode " + std::to_string(i), {0, 1}, {0.0, 1.0 * i}, {}, {}});
  series[3].name = "a<b & \"c\"";
  const std::string svg = line_chart_svg(kText, series);
  EXPECT_EQ(occurrences(svg, ">mode 7<"), 1);
  EXPECT_EQ(occurrences(svg, ">a&lt;b &amp; &quot;c&quot;<"), 1);
  EXPECT_EQ(occurrences(svg, "stroke-dasharray"), 4) << "lines 9 and 10, each with its entry";
}

TEST(LineChart, LargeTicksAreShort) {
  const std::string svg = line_chart_svg(kText, {{"s", {0, 2e6}, {0, 50000}, {}, {}}});
  EXPECT_EQ(occurrences(svg, ">1.5M<"), 1) << svg;
  EXPECT_EQ(occurrences(svg, ">30k<"), 1) << svg;
}

TEST(LineChart, LengthsThatDifferAreAnError) {
  EXPECT_THROW(line_chart_svg(kText, {{"s", {0, 1}, {0}, {}, {}}}), Error);
  EXPECT_THROW(line_chart_svg(kText, {{"s", {0, 1}, {0, 1}, {0, 1}, {}}}), Error);
  EXPECT_THROW(line_chart_svg(kText, {{"s", {0, 1}, {0, 1}, {0}, {1}}}), Error);
}

}  // namespace
}  // namespace frost
