#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/reports/csv_table.h"

namespace frost {

/// A regular file of a run, as text. Throws Error naming it where it cannot be read.
std::string read_run_file(const std::filesystem::path& path);

/// The entries of a run's run.json, in their order. Throws Error naming the file.
std::vector<std::pair<std::string, std::string>> read_run_facts(
    const std::filesystem::path& folder);

/// What trained from an update on.
struct FreezeSpan {
  std::string mode;
  double first = 0;  ///< updates that were done when it began
};

/// The tables that a run has left; none is there before its first update is done.
class RunTables {
 public:
  enum Table { kMetrics, kTiming, kEvaluations };
  /// Where the rows of a table lie over the course of the training; NaN where that is not known.
  struct Places {
    std::vector<double> update, steps, seconds;
  };

  /// Throws Error where a table cannot be read, or one of metrics.csv and timing.csv is missing.
  RunTables(const std::filesystem::path& folder, std::string name);

  const std::string& name() const { return name_; }
  bool empty() const { return !tables_[kMetrics].has_value(); }
  const std::optional<CsvTable>& table(Table table) const { return tables_[table]; }
  Places places(Table table) const;
  /// Of an update, in steps and in seconds of training.
  std::pair<double, double> place_of(double update) const;
  /// Whether episodes can succeed; of a run that does not say so, whether one did.
  bool has_goal() const;
  /// Empty where there are no bodies to freeze.
  const std::vector<FreezeSpan>& freeze_spans() const { return freeze_spans_; }

 private:
  std::string name_, goal_;
  std::optional<CsvTable> tables_[3];
  std::map<double, std::pair<double, double>> places_;  ///< steps and seconds, by update
  std::vector<FreezeSpan> freeze_spans_;
};

}  // namespace frost
