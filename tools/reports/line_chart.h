#pragma once

#include <string>
#include <vector>

namespace frost {

/// One line of a chart; points that are not finite leave a gap.
struct Series {
  std::string name;  ///< in the legend, which shows where there are several series
  std::vector<double> x, y;
  std::vector<double> low{}, high{};  ///< bounds of a shaded band at each x; empty: none
};

struct ChartText {
  std::string title, x_label, y_label;
};

/// The series as one inline SVG element with axes, ticks at round numbers and a legend; no script.
/// Text and axes take the colour of the surrounding text, so it reads on light and dark pages.
/// Throws Error where the lengths of a series differ.
std::string line_chart_svg(const ChartText& text, const std::vector<Series>& series);

/// Round numbers (1, 2 or 5 times a power of ten apart) between `low` and `high`, about `count`.
std::vector<double> round_ticks(double low, double high, int count);

}  // namespace frost
