#pragma once

#include <string>
#include <vector>

#include "tools/reports/pages/run_tables.h"

namespace frost {

/// A quantity over the course of a training.
struct PanelLine {
  std::string name;  ///< in the legend
  RunTables::Places places;
  std::vector<double> y;
  std::vector<double> smooth;     ///< trailing means of y; empty: none
  std::vector<double> low, high;  ///< 95 % confidence interval; empty: none
};

struct Panel {
  std::string title, unit;
  std::vector<PanelLine> lines;
  std::vector<double> marks;  ///< updates at which the freeze mode changed
  bool from_zero = false;     ///< the axis of the values begins at 0
};

struct PanelGroup {
  std::string title;
  std::vector<Panel> panels;
};

/// What the tables of the runs hold, one run's quantities of a kind in one panel, or each quantity
/// of several runs in one. Panels without content are left out. A line has at most 1,000 points of
/// one run, fewer of each of several: means over so many updates.
std::vector<PanelGroup> run_panels(const std::vector<RunTables>& runs);

}  // namespace frost
