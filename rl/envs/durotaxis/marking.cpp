#include "rl/envs/durotaxis/marking.h"

#include <algorithm>
#include <cmath>

namespace frost {

double mean_intensity(const std::vector<Cell>& cells, const Substrate& substrate) {
  if (cells.empty()) return 0.0;
  double sum = 0.0;
  for (const Cell& cell : cells) sum += substrate.intensity(cell.x);
  return sum / static_cast<double>(cells.size());
}

void mark_by_rule(Colony& colony, const Substrate& substrate, const ColonySnapshot& past,
                  int max_critical_nodes) {
  const int excess = colony.size() - max_critical_nodes;
  if (excess <= 0) return;
  const double mean = mean_intensity(colony.cells(), substrate);

  // Ids ascend in both lists, so one walk finds the past cells that still live.
  std::vector<int> candidates;
  std::size_t k = 0;
  for (int i = 0; i < colony.size(); ++i) {
    const std::int64_t id = colony.cell(i).id;
    while (k < past.ids.size() && past.ids[k] < id) ++k;
    if (k == past.ids.size()) break;
    if (past.ids[k] == id && past.intensity[k] < mean) candidates.push_back(i);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&](int a, int b) { return colony.cell(a).x > colony.cell(b).x; });
  const auto share = static_cast<std::size_t>(0.15 * excess);
  const std::size_t quota = std::max<std::size_t>(share, 1);
  candidates.resize(std::min(candidates.size(), quota));
  for (const int index : candidates) colony.mark(index);
}

void mark_by_state_machine(Colony& colony, const Substrate& substrate, int previous_size,
                           int max_critical_nodes, int step, int delta_time) {
  constexpr double kBand = 0.05;  // half width of the zone without a decision
  constexpr int kCrowd = 10;      // cells above the critical number that force one
  constexpr int kPatience = 10;   // steps after which an unmarked cell gets one
  if (previous_size <= max_critical_nodes) return;
  const double mean = mean_intensity(colony.cells(), substrate);
  const bool crowded = previous_size > max_critical_nodes + kCrowd;
  for (int i = 0; i < colony.size(); ++i) {
    const Cell& cell = colony.cell(i);
    if (cell.marked) continue;
    const double above = substrate.intensity(cell.x) - mean;
    const bool overdue = !cell.spared && cell.age >= kPatience;
    if (std::abs(above) <= kBand && !crowded && !overdue) continue;
    if (above < 0.0) {
      colony.mark(i, step + delta_time);
    } else {
      colony.spare(i);
    }
  }
}

}  // namespace frost
