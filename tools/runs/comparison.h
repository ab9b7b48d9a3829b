#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace frost {

/// Writes a page that shows runs side by side: what is known of them, the settings that differ, and
/// their curves, each quantity of all runs in one chart. Throws UsageError for fewer than two runs
/// or a folder that holds none.
void compare_runs(const std::vector<std::filesystem::path>& folders,
                  const std::filesystem::path& page);

}  // namespace frost
