#pragma once

#include <string>
#include <vector>

#include "tools/reports/pages/run_panels.h"

namespace frost {

/// The panels under their headings, with the switches of their axes and the script that tells the
/// values under the pointer. Complete without the script but for these.
std::string panels_html(const std::vector<PanelGroup>& groups, const std::vector<RunTables>& runs);

/// The freeze modes of a run as a bar over its steps and over its seconds; empty where it kept one.
std::string freeze_timeline_html(const RunTables& run);

/// What is known of each run, a column each; values that differ stand out. Empty values of all are
/// left out.
std::string facts_html(const std::vector<std::string>& names,
                       const std::vector<std::vector<std::pair<std::string, std::string>>>& facts);

}  // namespace frost
