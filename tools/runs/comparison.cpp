#include "tools/runs/comparison.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/atomic_file.h"
#include "kernels/errors.h"
#include "tools/config/config_differences.h"
#include "tools/reports/pages/run_tables.h"
#include "tools/reports/run_report.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

/// Every key in which a run differs from the first, with the values of all.
std::vector<ComparisonRow> differing_settings(const std::vector<Config>& configs) {
  std::vector<ComparisonRow> rows;
  for (std::size_t i = 1; i < configs.size(); ++i) {
    for (const ConfigDifference& d : differences(configs.front(), configs[i])) {
      auto row = std::find_if(rows.begin(), rows.end(),
                              [&](const ComparisonRow& known) { return known.name == d.key; });
      if (row == rows.end()) {
        row = rows.insert(rows.end(), {d.key, std::vector<std::string>(configs.size(), d.first)});
      }
      row->values[i] = d.second;
    }
  }
  return rows;
}

}  // namespace

void compare_runs(const std::vector<fs::path>& folders, const fs::path& page) {
  if (folders.size() < 2) {
    throw UsageError("a comparison needs two runs at least: compare RUN RUN... -o PAGE.html");
  }
  std::vector<Config> configs;
  for (const fs::path& folder : folders) {
    for (const char* file : {"config.yaml", "run.json"}) {
      if (fs::exists(folder / file)) continue;
      throw UsageError(fmt::format("{} holds no {}: name folders of runs, as train leaves them",
                                   folder.string(), file));
    }
    const fs::path config = folder / "config.yaml";
    configs.push_back(parse_run_config(read_run_file(config), config.string(), {}));
  }
  write_file_atomically(page, comparison_html(folders, differing_settings(configs)));
}

}  // namespace frost
