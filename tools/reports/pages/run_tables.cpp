#include "tools/reports/pages/run_tables.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/io/atomic_file.h"
#include "kernels/errors.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Emptied before it goes: a tree that holds something allocates when it is destroyed, and ends the
/// program where that fails.
struct JsonObject {
  nlohmann::ordered_json json;
  ~JsonObject() { json.clear(); }
};

/// "all, layer4.1 after update 8".
std::vector<FreezeSpan> parse_freeze_spans(const std::string& text) {
  const std::string behind = " after update ", between = ", ";
  std::vector<FreezeSpan> spans;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(between, at), text.size());
    const std::string span = text.substr(at, end - at);
    const std::size_t after = span.find(behind);
    spans.push_back({span.substr(0, after), 0});
    if (after != span.npos) {
      spans.back().first = std::strtod(span.c_str() + after + behind.size(), nullptr);
    }
    at = end + between.size();
  }
  return spans;
}

}  // namespace

std::string read_run_file(const fs::path& path) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 26;
  const std::vector<std::byte> bytes = read_regular_file(path, kLargest);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::pair<std::string, std::string>> read_run_facts(const fs::path& folder) {
  const fs::path path = folder / "run.json";
  JsonObject object;
  object.json = nlohmann::ordered_json::parse(read_run_file(path), nullptr, false);
  if (!object.json.is_object()) throw Error(path.string() + " is no JSON object");
  std::vector<std::pair<std::string, std::string>> facts;
  for (const auto& [name, value] : object.json.items()) {
    facts.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return facts;
}

RunTables::RunTables(const fs::path& folder, std::string name) : name_(std::move(name)) {
  for (const auto& [fact, value] : read_run_facts(folder)) {
    if (fact == "has_goal") goal_ = value;
    if (fact == "freeze_modes") freeze_spans_ = parse_freeze_spans(value);
  }
  if (!fs::exists(folder / "metrics.csv")) return;
  tables_[kMetrics] = CsvTable::read(folder / "metrics.csv");
  tables_[kTiming] = CsvTable::read(folder / "timing.csv");
  if (fs::exists(folder / "evaluations.csv")) {
    tables_[kEvaluations] = CsvTable::read(folder / "evaluations.csv");
  }
  const CsvTable &metrics = *tables_[kMetrics], &timing = *tables_[kTiming];
  double seconds = 0;
  const std::size_t rows = std::min(metrics.rows(), timing.rows());
  for (std::size_t row = 0; row < rows; ++row) {
    seconds +=
        timing.number("time/collect_seconds", row) + timing.number("time/learn_seconds", row);
    places_[metrics.number("charts/update", row)] = {metrics.number("charts/global_step", row),
                                                     seconds};
  }
}

std::pair<double, double> RunTables::place_of(double update) const {
  if (update == 0) return {0, 0};
  const auto found = places_.find(update);
  return found == places_.end() ? std::pair{kNaN, kNaN} : found->second;
}

RunTables::Places RunTables::places(Table which) const {
  Places places;
  places.update = tables_[which]->column(which == kEvaluations ? "update" : "charts/update");
  for (const double update : places.update) {
    const auto [steps, seconds] = place_of(update);
    places.steps.push_back(steps);
    places.seconds.push_back(seconds);
  }
  return places;
}

bool RunTables::has_goal() const {
  if (!goal_.empty()) return goal_ == "true";
  if (empty() || !tables_[kMetrics]->has("charts/success_rate")) return false;
  const std::vector<double> rates = tables_[kMetrics]->column("charts/success_rate");
  return std::any_of(rates.begin(), rates.end(), [](double rate) { return rate > 0; });
}

}  // namespace frost
