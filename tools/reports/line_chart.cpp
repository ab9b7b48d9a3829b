#include "tools/reports/line_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/errors.h"
#include "tools/reports/html.h"

namespace frost {
namespace {

// Units of the view box; the page scales them.
constexpr double kWidth = 520, kPlotHeight = 200;
constexpr double kLeft = 64, kRight = 16, kTop = 30, kBottom = 46;
constexpr double kLegendRow = 18, kCharacter = 7;
/// A smooth line needs no more points than this.
constexpr std::size_t kSmoothPoints = 250;

// Of medium lightness: at least 3:1 against white and against a dark page.
constexpr std::array<const char*, 8> kColours = {"#3b82c4", "#d9692b", "#2f9e62", "#c2508f",
                                                 "#8a6fd1", "#a3811f", "#1f97a3", "#d0484c"};
constexpr std::array<const char*, 3> kDashes = {"", " stroke-dasharray=\"6 3\"",
                                                " stroke-dasharray=\"2 3\""};

struct Axis {
  bool log = false;
  double low = HUGE_VAL, high = -HUGE_VAL;
  double at_low = 0, at_high = 0;  ///< where they lie in the picture
  std::vector<double> ticks{};

  /// Not NaN, small enough that differences stay finite, and with a place on the axis.
  bool shows(double value) const { return std::abs(value) < 1e100 && (!log || value > 0); }
  void include(const std::vector<double>& values) {
    for (const double v : values) {
      if (!shows(v)) continue;
      low = std::min(low, v);
      high = std::max(high, v);
    }
  }
  bool empty() const { return low > high; }
  /// Gives a range without extent one, around its value.
  void widen() {
    const double size = std::max(std::abs(low), std::abs(high));
    if (high - low > 1e-9 * size && high - low > 1e-90) return;
    const double half = size > 1e-90 ? size / 2 : 1;
    low -= half;
    high += log ? size : half;
  }
  double place(double value) const {
    const double share =
        log ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
    return at_low + share * (at_high - at_low);
  }
};

/// 1500000 as 1.5M, 20000 as 20k.
std::string tick_text(double value, double largest) {
  if (value == 0) return "0";
  if (largest >= 1e6 && largest < 1e12) return fmt::format("{:g}M", value / 1e6);
  if (largest >= 1e4 && largest < 1e6) return fmt::format("{:g}k", value / 1e3);
  return fmt::format("{:g}", value);
}

std::string line(double x1, double y1, double x2, double y2, double opacity) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"currentColor\" "
      "stroke-opacity=\"{:g}\"/>",
      x1, y1, x2, y2, opacity);
}

std::string label(double x, double y, const char* anchor, const std::string& text,
                  const std::string& more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>", x, y, anchor,
                     more, html_escape(text));
}

std::string axes(const ChartText& text, const Axis& x, const Axis& y) {
  const auto largest = [](const Axis& axis) {
    return std::max(std::abs(axis.low), std::abs(axis.high));
  };
  std::string svg;
  for (const double t : y.ticks) {
    svg += line(x.at_low, y.place(t), x.at_high, y.place(t), 0.15);
    svg += label(x.at_low - 6, y.place(t) + 4, "end", tick_text(t, largest(y)));
  }
  for (const double t : x.ticks) {
    svg += line(x.place(t), y.at_low, x.place(t), y.at_low + 4, 0.6);
    svg += label(x.place(t), y.at_low + 17, "middle", tick_text(t, largest(x)));
  }
  for (const double mark : text.marks) {
    if (mark > x.low && mark < x.high) {
      svg += line(x.place(mark), y.at_low, x.place(mark), y.at_high, 0.5);
    }
  }
  svg += line(x.at_low, y.at_low, x.at_high, y.at_low, 0.6);
  svg += line(x.at_low, y.at_low, x.at_low, y.at_high, 0.6);
  svg += label((x.at_low + x.at_high) / 2, y.at_low + 36, "middle", text.x_label);
  const double middle = (y.at_low + y.at_high) / 2;
  svg += label(14, middle, "middle", text.y_label,
               fmt::format(" transform=\"rotate(-90 14 {:.1f})\"", middle));
  return svg + "\n";
}

/// The runs of consecutive points for which `usable` holds, as index ranges [first, last).
template <typename Usable>
std::vector<std::pair<std::size_t, std::size_t>> runs(std::size_t count, const Usable& usable) {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  for (std::size_t i = 0; i < count; ++i) {
    if (!usable(i)) continue;
    if (found.empty() || found.back().second != i) found.emplace_back(i, i);
    found.back().second = i + 1;
  }
  return found;
}

/// The data of a path, in tenths of a unit: a move to the first point, then steps.
class PathText {
 public:
  void add(double x, double y) {
    const auto to_x = std::lround(10 * x), to_y = std::lround(10 * y);
    text_ += begun_ ? (moved_ ? "l" : "") : "M";
    append(to_x - (begun_ ? x_ : 0), begun_ && !moved_);
    append(to_y - (begun_ ? y_ : 0), true);
    moved_ = !begun_;
    begun_ = true;
    x_ = to_x, y_ = to_y;
  }
  /// What follows begins elsewhere. A point alone becomes a dot: a line without length.
  void lift() {
    if (moved_) text_ += "h0";
    begun_ = moved_ = false;
  }
  void close() {
    text_ += "Z";
    begun_ = moved_ = false;
  }
  const std::string& text() const { return text_; }

 private:
  void append(long tenths, bool behind_number) {
    if (behind_number && tenths >= 0) text_ += ' ';
    if (tenths < 0) text_ += '-';
    const long size = std::abs(tenths);
    if (size >= 10 || size == 0) text_ += std::to_string(size / 10);
    if (size % 10 != 0) text_ += "." + std::to_string(size % 10);
  }
  std::string text_;
  bool begun_ = false, moved_ = false;
  long x_ = 0, y_ = 0;
};

std::string band(const Series& s, const Axis& x, const Axis& y, const char* colour) {
  PathText path;
  const auto usable = [&](std::size_t i) {
    return x.shows(s.x[i]) && y.shows(s.low[i]) && y.shows(s.high[i]);
  };
  for (const auto& [first, last] : runs(s.low.size(), usable)) {
    for (std::size_t i = first; i < last; ++i) path.add(x.place(s.x[i]), y.place(s.high[i]));
    for (std::size_t i = last; i > first; --i) path.add(x.place(s.x[i - 1]), y.place(s.low[i - 1]));
    path.close();
  }
  if (path.text().empty()) return "";
  return fmt::format("<path d=\"{}\" fill=\"{}\" fill-opacity=\"0.2\"/>\n", path.text(), colour);
}

/// Every `every`-th of the values and the last; a point alone between gaps is a dot.
std::string curve(const std::vector<double>& at, const std::vector<double>& values, const Axis& x,
                  const Axis& y, std::size_t every, const std::string& style) {
  PathText path;
  const auto usable = [&](std::size_t i) { return x.shows(at[i]) && y.shows(values[i]); };
  for (const auto& [first, last] : runs(at.size(), usable)) {
    for (std::size_t i = first; i < last; i += i + 1 == last ? 1 : std::min(every, last - 1 - i)) {
      path.add(x.place(at[i]), y.place(values[i]));
    }
    path.lift();
  }
  return fmt::format(
      "<path d=\"{}\" fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\" {}/>\n",
      path.text(), style);
}

/// The values, and before them what is smooth of them.
std::string curves(const Series& s, const Axis& x, const Axis& y, const char* colour,
                   const char* dash) {
  const auto style = [&](double width, double opacity) {
    return fmt::format("stroke=\"{}\" stroke-width=\"{:g}\" stroke-opacity=\"{:g}\"{}", colour,
                       width, opacity, dash);
  };
  if (s.smooth.empty()) return curve(s.x, s.y, x, y, 1, style(1.7, 1));
  return curve(s.x, s.y, x, y, 1, style(1, 0.35)) +
         curve(s.x, s.smooth, x, y, s.x.size() / kSmoothPoints + 1, style(2, 1));
}

const char* dash_of(std::size_t i) {
  return kDashes[i / kColours.size() % kDashes.size()];
}

/// Entries from left to right, in as many rows as they need; `height` becomes that of the rows.
std::string legend(const std::vector<Series>& series, double& height) {
  height = 0;
  if (series.size() < 2) return "";
  std::string svg;
  double at = kLeft, row = kTop + 2;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const double width = 36 + kCharacter * static_cast<double>(series[i].name.size());
    if (at > kLeft && at + width > kWidth) {
      at = kLeft;
      row += kLegendRow;
    }
    svg += fmt::format("<path d=\"M{:.1f} {:.1f}h20\" stroke=\"{}\" stroke-width=\"3\"{}/>", at,
                       row, series_colour(i), dash_of(i));
    svg += label(at + 25, row + 4, "start", series[i].name) + "\n";
    at += width;
  }
  height = row - kTop + kLegendRow - 2;
  return svg;
}

/// For scripts: the ends of an axis, where they lie, and "log".
std::string axis_data(const char* name, const Axis& axis) {
  if (axis.empty()) return "";
  return fmt::format("data-{}=\"{:g} {:g} {:g} {:g}{}\"", name, axis.low, axis.high, axis.at_low,
                     axis.at_high, axis.log ? " log" : "");
}

void check_lengths(const Series& s) {
  const auto fits = [&](const std::vector<double>& band) {
    return band.empty() || band.size() == s.x.size();
  };
  if (s.y.size() == s.x.size() && fits(s.low) && fits(s.high) && fits(s.smooth) &&
      s.low.empty() == s.high.empty()) {
    return;
  }
  throw Error(fmt::format("chart series '{}' has {} x, {} y, {} low, {} high and {} smooth values",
                          s.name, s.x.size(), s.y.size(), s.low.size(), s.high.size(),
                          s.smooth.size()));
}

}  // namespace

const char* series_colour(std::size_t index) {
  return kColours[index % kColours.size()];
}

std::vector<double> round_ticks(double low, double high, int count) {
  const double wanted = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(wanted)));
  double step = 10 * power;
  for (const double multiple : {5, 2, 1}) {
    if (multiple * power >= wanted * (1 - 1e-9)) step = multiple * power;
  }
  std::vector<double> ticks;
  const auto first = static_cast<std::int64_t>(std::ceil(low / step - 1e-9));
  const auto last = static_cast<std::int64_t>(std::floor(high / step + 1e-9));
  for (std::int64_t k = first; k <= last; ++k) ticks.push_back(static_cast<double>(k) * step);
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  const double from = std::floor(std::log10(low)), to = std::ceil(std::log10(high));
  const double every = std::ceil((to - from) / 8);
  std::vector<double> ticks;
  for (double power = from; power <= to; power += every) {
    for (const double multiple : {1, 2, 5}) {
      if (multiple > 1 && to - from > 3) continue;
      const double tick = multiple * std::pow(10, power);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push_back(tick);
    }
  }
  return ticks.size() < 2 ? round_ticks(low, high, 3) : ticks;
}

std::string line_chart_svg(const ChartText& text, const std::vector<Series>& series) {
  Axis x, y;
  y.log = text.log_y;
  if (text.from_zero) y.include({0});
  for (const Series& s : series) {
    check_lengths(s);
    x.include(s.x);
    y.include(s.y);
    y.include(s.low);
    y.include(s.high);
  }
  double legend_height = 0;
  const std::string entries = legend(series, legend_height);
  const double top = kTop + legend_height, bottom = top + kPlotHeight;
  for (Axis* axis : {&x, &y}) {
    if (!axis->empty()) axis->widen();
  }
  x.at_low = kLeft, x.at_high = kWidth - kRight;
  y.at_low = bottom, y.at_high = top + 8;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:g} {:g}\" role=\"img\" "
      "aria-label=\"{}\" style=\"width:100%;max-width:{:g}px\" font-family=\"sans-serif\" "
      "font-size=\"13\" fill=\"currentColor\" {} {}>\n",
      kWidth, bottom + kBottom, html_escape(text.title), 1.25 * kWidth, axis_data("x", x),
      axis_data("y", y));
  svg += label(kLeft, 18, "start", text.title, " font-size=\"15\" font-weight=\"bold\"") + "\n";
  if (x.empty() || y.empty()) {
    return svg + label(kWidth / 2, (top + bottom) / 2, "middle", "no data") + "</svg>\n";
  }
  x.ticks = round_ticks(x.low, x.high, 7);
  y.ticks = y.log ? log_ticks(y.low, y.high) : round_ticks(y.low, y.high, 5);
  svg += entries + axes(text, x, y);
  for (std::size_t i = 0; i < series.size(); ++i) svg += band(series[i], x, y, series_colour(i));
  for (std::size_t i = 0; i < series.size(); ++i) {
    svg += curves(series[i], x, y, series_colour(i), dash_of(i));
  }
  return svg + "</svg>\n";
}

}  // namespace frost
