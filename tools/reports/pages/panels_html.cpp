#include "tools/reports/pages/panels_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/reports/html.h"
#include "tools/reports/line_chart.h"
#include "tools/reports/pages/page_files.h"

namespace frost {
namespace {

// What a panel is drawn against.
enum class XAxis { kSteps, kSeconds };
constexpr XAxis kXAxes[] = {XAxis::kSteps, XAxis::kSeconds};

const char* class_of(XAxis axis) {
  return axis == XAxis::kSteps ? "by-steps" : "by-seconds";
}

const std::vector<double>& along(const RunTables::Places& places, XAxis axis) {
  return axis == XAxis::kSteps ? places.steps : places.seconds;
}

std::string chart(const Panel& panel, XAxis axis, bool log, const RunTables& first) {
  std::vector<Series> series;
  for (const PanelLine& line : panel.lines) {
    series.push_back(
        {line.name, along(line.places, axis), line.y, line.low, line.high, line.smooth});
  }
  ChartText text{
      panel.title,     axis == XAxis::kSteps ? "environment steps" : "seconds of training",
      panel.unit,      log,
      panel.from_zero, {}};
  for (const double update : panel.marks) {
    const auto [steps, seconds] = first.place_of(update);
    text.marks.push_back(axis == XAxis::kSteps ? steps : seconds);
  }
  return line_chart_svg(text, series);
}

/// Logarithms say something where values are positive, but for zeros.
bool has_logarithms(const Panel& panel) {
  bool positive = false;
  for (const PanelLine& line : panel.lines) {
    for (const double y : line.y) {
      if (y < 0) return false;
      positive = positive || y > 0;
    }
  }
  return positive;
}

std::string figure(const Panel& panel, std::size_t number, const RunTables& first) {
  std::string html = fmt::format("<figure class=panel data-panel={}>\n", number);
  const bool logarithms = has_logarithms(panel);
  for (const XAxis axis : kXAxes) {
    html += fmt::format("<div class=\"{}{}\">{}</div>\n", class_of(axis),
                        logarithms ? " linear" : "", chart(panel, axis, false, first));
    if (logarithms) {
      html += fmt::format("<div class=\"{} log\">{}</div>\n", class_of(axis),
                          chart(panel, axis, true, first));
    }
  }
  return html + "</figure>\n";
}

std::string json_text(const std::string& text) {
  std::string json = nlohmann::json(text).dump(), escaped;
  for (const char c : json) escaped += c == '<' ? "\\u003c" : std::string(1, c);
  return escaped;
}

std::string json_numbers(const std::vector<double>& values, int digits) {
  std::string json;
  for (const double v : values) {
    json +=
        (json.empty() ? "" : ",") + (std::isfinite(v) ? fmt::format("{:.{}g}", v, digits) : "null");
  }
  return "[" + json + "]";
}

/// The numbers of the panels for the script: each row of places once, and lines that name theirs.
class CurveData {
 public:
  void add(const Panel& panel) {
    std::string lines;
    for (std::size_t i = 0; i < panel.lines.size(); ++i) {
      const PanelLine& line = panel.lines[i];
      lines += fmt::format("{}{{\"name\":{},\"colour\":\"{}\",\"at\":{},\"y\":{}",
                           i == 0 ? "" : ",", json_text(line.name), series_colour(i),
                           index_of(line.places), json_numbers(line.y, 5));
      for (const auto& [name, values] :
           {std::pair{"smooth", &line.smooth}, {"low", &line.low}, {"high", &line.high}}) {
        if (!values->empty()) lines += fmt::format(",\"{}\":{}", name, json_numbers(*values, 4));
      }
      lines += "}";
    }
    panels_ += (panels_.empty() ? "[" : ",\n[") + lines + "]";
  }
  std::string text() const {
    std::string places;
    for (const RunTables::Places* p : places_) {
      places += fmt::format("{}{{\"update\":{},\"steps\":{},\"seconds\":{}}}",
                            places.empty() ? "" : ",\n", json_numbers(p->update, 9),
                            json_numbers(p->steps, 9), json_numbers(p->seconds, 6));
    }
    return fmt::format("{{\"places\":[{}],\n\"panels\":[{}]}}", places, panels_);
  }

 private:
  std::size_t index_of(const RunTables::Places& places) {
    const auto found = std::find_if(places_.begin(), places_.end(), [&](const auto* known) {
      return known->seconds == places.seconds && known->steps == places.steps;
    });
    if (found != places_.end()) return static_cast<std::size_t>(found - places_.begin());
    places_.push_back(&places);
    return places_.size() - 1;
  }
  std::vector<const RunTables::Places*> places_;
  std::string panels_;
};

/// What the lines are, where that is not said by their names.
std::string hint(const std::vector<PanelGroup>& groups) {
  bool smooth = false, intervals = false, marks = false;
  for (const PanelGroup& group : groups) {
    for (const Panel& panel : group.panels) {
      marks = marks || !panel.marks.empty();
      for (const PanelLine& line : panel.lines) {
        smooth = smooth || !line.smooth.empty();
        intervals = intervals || !line.low.empty();
      }
    }
  }
  std::string text;
  if (smooth) text += "Thin: each update; thick: the mean of the last ones, 1/25 of the line. ";
  if (intervals) text += "Bands: 95 % confidence intervals over the episodes of an evaluation. ";
  if (marks) text += "Upright lines: changes of the freeze mode. ";
  return text + "Values: point at a chart, or go to it by Tab and along it by the arrow keys.";
}

}  // namespace

std::string panels_html(const std::vector<PanelGroup>& groups, const std::vector<RunTables>& runs) {
  CurveData data;
  std::size_t number = 0;
  std::string html;
  for (const RunTables& run : runs) html += freeze_timeline_html(run);
  for (const PanelGroup& group : groups) {
    html += fmt::format("<h2>{}</h2>\n<div class=charts>\n", html_escape(group.title));
    for (const Panel& panel : group.panels) {
      html += figure(panel, number++, runs.front());
      data.add(panel);
    }
    html += "</div>\n";
  }
  return fill_template(kCurvesHtml, {{"hint", hint(groups)},
                                     {"groups", html},
                                     {"data", data.text()},
                                     {"script", std::string(kCurvesScript)}});
}

std::string freeze_timeline_html(const RunTables& run) {
  if (run.empty() || run.freeze_spans().size() < 2) return "";
  const RunTables::Places places = run.places(RunTables::kMetrics);
  const double done = places.update.back();
  std::string html;
  for (const XAxis axis : kXAxes) {
    std::string bar;
    for (std::size_t i = 0; i < run.freeze_spans().size(); ++i) {
      const FreezeSpan& span = run.freeze_spans()[i];
      if (span.first >= done) break;  // planned
      const bool last = i + 1 == run.freeze_spans().size();
      const double end = last ? done : std::min(done, run.freeze_spans()[i + 1].first);
      const auto [from_steps, from_seconds] = run.place_of(span.first);
      const auto [to_steps, to_seconds] = run.place_of(end);
      const double extent =
          axis == XAxis::kSteps ? to_steps - from_steps : to_seconds - from_seconds;
      bar += fmt::format(
          "<span style=\"flex:{:g} 1 0\" title=\"{}, updates {:g} to {:g}\">{}<small>{:g} "
          "{}</small>"
          "</span>",
          extent, html_escape(span.mode), span.first + 1, end, html_escape(span.mode),
          axis == XAxis::kSteps ? extent : std::round(extent * 10) / 10,
          axis == XAxis::kSteps ? "steps" : "s");
    }
    html += fmt::format("<div class=\"timeline {}\">{}</div>\n", class_of(axis), bar);
  }
  return fmt::format("<h2>Freeze modes over the training: {}</h2>\n{}", html_escape(run.name()),
                     html);
}

std::string facts_html(const std::vector<std::string>& names,
                       const std::vector<std::vector<std::pair<std::string, std::string>>>& facts) {
  std::vector<std::string> keys;
  for (const auto& of_run : facts) {
    for (const auto& [key, value] : of_run) {
      if (!value.empty() && std::find(keys.begin(), keys.end(), key) == keys.end()) {
        keys.push_back(key);
      }
    }
  }
  std::string rows;
  if (names.size() > 1) {
    rows += "<tr><th></th>";
    for (const std::string& name : names) rows += "<td>" + html_escape(name) + "</td>";
    rows += "</tr>\n";
  }
  for (const std::string& key : keys) {
    std::string cells, first;
    bool differs = false;
    for (std::size_t i = 0; i < facts.size(); ++i) {
      const auto found = std::find_if(facts[i].begin(), facts[i].end(),
                                      [&](const auto& fact) { return fact.first == key; });
      const std::string value = found == facts[i].end() ? "" : found->second;
      if (i == 0) first = value;
      differs = differs || value != first;
      cells += "<td>" + html_escape(value) + "</td>";
    }
    rows += fmt::format("<tr{}><th scope=row>{}</th>{}</tr>\n", differs ? " class=differs" : "",
                        html_escape(key), cells);
  }
  return fmt::format("<div class=scroll><table class=\"facts{}\">\n{}</table></div>\n",
                     names.size() > 1 ? " several" : "", rows);
}

}  // namespace frost
