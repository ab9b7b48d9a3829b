#pragma once

#include <string>
#include <vector>

namespace frost {

/// One line of a chart; points that are not finite leave a gap.
struct Series {
  std::string name;  ///< in the legend, which shows where there are several series
  std::vector<double> x, y;
  std::vector<double> low{}, high{};  ///< bounds of a shaded band at each x; empty: none
  std::vector<double> smooth{};       ///< drawn in front of a fainter y; empty: none
};

struct ChartText {
  std::string title, x_label, y_label;
  bool log_y = false;           ///< what is not positive leaves a gap
  bool from_zero = false;       ///< 0 is in the range of y, but for logarithms
  std::vector<double> marks{};  ///< x of upright lines
};

/// The series as one inline SVG element with axes, ticks at round numbers and a legend; no script.
/// Text and axes take the colour of the surrounding text, so it reads on light and dark pages. For
/// scripts, `data-x` and `data-y` hold an axis: its ends, and where these lie in the view box.
/// Throws Error where the lengths of a series differ.
std::string line_chart_svg(const ChartText& text, const std::vector<Series>& series);

/// The colour of the `index`-th series, "#rrggbb".
const char* series_colour(std::size_t index);

/// Round numbers (1, 2 or 5 times a power of ten apart) between `low` and `high`, about `count`.
std::vector<double> round_ticks(double low, double high, int count);

/// The same for an axis of logarithms, 0 < low < high: powers of ten, and over few decades 2 and 5
/// times these.
std::vector<double> log_ticks(double low, double high);

}  // namespace frost
