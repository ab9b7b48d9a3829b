#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace frost {

/// A page about the run in `folder`, from its tables, run.json and config.yaml: what is known of
/// it, curves against steps and seconds, freeze modes, evaluations. Self-contained; a script tells
/// the values under the pointer, all else is there without it. `summary` is text to stand above the
/// curves, `animation` a GIF to stand below them; either may be empty. Throws Error where
/// metrics.csv or timing.csv cannot be read.
std::string run_report_html(const std::filesystem::path& folder, const std::string& summary,
                            const std::string& animation);

/// A row of a comparison: a value of each run.
struct ComparisonRow {
  std::string name;
  std::vector<std::string> values;
};

/// The same for several runs side by side, each quantity of all in one chart. `settings` are what
/// their configurations differ in. Throws Error naming the file where one cannot be read.
std::string comparison_html(const std::vector<std::filesystem::path>& folders,
                            const std::vector<ComparisonRow>& settings);

}  // namespace frost
