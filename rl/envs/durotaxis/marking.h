#pragma once

#include <cstdint>
#include <vector>

#include "rl/envs/durotaxis/colony.h"
#include "rl/envs/durotaxis/substrate.h"

namespace frost {

/// A colony before the actions of one step: what marking compares with later.
struct ColonySnapshot {
  std::vector<std::int64_t> ids;
  std::vector<double> intensity;
};

/// Mean intensity under the cells; 0 for an empty colony.
double mean_intensity(const std::vector<Cell>& cells, const Substrate& substrate);

/// Marks cells for deletion: those of `past` that still live, were below today's mean intensity
/// then, and lie farthest to the right (docs/durotaxis.md, "Marking").
void mark_by_rule(Colony& colony, const Substrate& substrate, const ColonySnapshot& past,
                  int max_critical_nodes);

/// The state machine's marks, for a colony that had `previous_size` cells before step `step`
/// (docs/durotaxis.md, "Deletion state machine"). A cell marked now is to die at
/// `step + delta_time`.
void mark_by_state_machine(Colony& colony, const Substrate& substrate, int previous_size,
                           int max_critical_nodes, int step, int delta_time);

}  // namespace frost
