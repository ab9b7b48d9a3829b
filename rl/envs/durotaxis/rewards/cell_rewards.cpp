#include "rl/envs/durotaxis/rewards/cell_rewards.h"

#include <algorithm>
#include <cmath>

#include "rl/envs/durotaxis/features.h"

namespace frost {

namespace {

// Calls `visit(cell, now)` for every cell before the step, `now` null where it is gone. Ids ascend
// in both lists, so one walk matches them.
template <typename Visit>
void for_each_before(const StepContext& step, const Visit& visit) {
  auto now = step.after.begin();
  for (const Cell& cell : step.before) {
    while (now != step.after.end() && now->id < cell.id) ++now;
    visit(cell, now != step.after.end() && now->id == cell.id ? &*now : nullptr);
  }
}

template <typename Score>
double sum_over(const std::vector<Cell>& cells, const Score& score) {
  double sum = 0.0;
  for (const Cell& cell : cells) sum += score(cell);
  return sum;
}

// Distance to the nearer horizontal edge, over the height.
double edge_distance(const Cell& cell, const Substrate& substrate) {
  const double y = cell.y, height = substrate.height();
  return std::min(y, height - y) / height;
}

// How near the deadline a marked cell died, by a bell curve; dying outside the window is a fault.
double punctuality(int step, const Cell& cell, int delta_time) {
  const double window = std::max(1.0, std::round(0.3 * delta_time));
  const double late = step - cell.deadline, sigma = window / 1.5;
  return std::abs(late) <= window ? 0.5 * std::exp(-late * late / (2.0 * sigma * sigma)) : -0.5;
}

}  // namespace

double spawn_reward(const StepContext& step) {
  const SpawnRewards& rule = step.config.reward.spawn;
  const PositionRewards& zones = step.config.reward.position;
  return sum_over(step.after, [&](const Cell& cell) {
    if (!cell.fresh) return 0.0;
    double reward = 0.0;
    const double edge = edge_distance(cell, step.substrate);
    if (rule.boundary_check && edge < zones.danger_zone_threshold) {
      reward -= rule.in_danger_zone_penalty;
    } else if (rule.boundary_check && edge < zones.edge_zone_threshold) {
      reward -= rule.near_boundary_penalty;
    }
    // The field's differences are not exact, hence the tolerance.
    const Cell& parent = step.after[static_cast<std::size_t>(cell.parent)];
    const double gain = step.substrate.gain(parent.x, cell.x);
    const bool success = gain >= step.config.reward.delta_intensity - 1e-9;
    return reward + (success ? rule.success_reward : -rule.failure_penalty);
  });
}

double delete_reward(const StepContext& step) {
  const DeleteRewards& rule = step.config.reward.deletion;
  const bool only_penalties = step.config.reward.mode() == RewardMode::kDeleteOnly;
  double sum = 0.0;
  for_each_before(step, [&](const Cell& cell, const Cell* now) {
    if (cell.marked && now == nullptr && !only_penalties) sum += rule.proper_deletion;
    if (cell.marked && now != nullptr) sum -= rule.persistence_penalty;
    if (!cell.marked && now == nullptr) sum -= rule.improper_deletion_penalty;
  });
  return sum;
}

double efficiency_reward(const StepContext& step) {
  const EfficiencyRewards& rule = step.config.reward.efficiency;
  double sum = 0.0;
  for_each_before(step, [&](const Cell& cell, const Cell* now) {
    if (now != nullptr) return;
    const int stagnation = std::max(cell.age - 1, 0);  // cells do not move
    sum += rule.age_reward * std::max(0, cell.age - rule.age_threshold) +
           rule.stagnation_reward * std::max(0, stagnation - rule.stagnation_threshold);
  });
  return sum;
}

double state_machine_reward(const StepContext& step) {
  const auto nodes = static_cast<double>(step.after.size());
  const double critical = step.config.max_critical_nodes, excess = nodes - critical;
  const double growth = (excess <= 0.0 ? 0.5 : -0.5) * std::exp(-excess * excess / (2.0 * 20 * 20));

  double unmarked = 0.0, marked = 0.0;
  for (const Cell& cell : step.after) {
    marked += cell.marked;
    unmarked += !cell.marked && !cell.spared;
  }
  const double marking = step.first_marking ? 0.5 * marked / nodes : 0.0;

  double deletions = 0.0, overdue = 0.0;
  for_each_before(step, [&](const Cell& cell, const Cell* now) {
    if (now == nullptr) {
      deletions += cell.marked ? punctuality(step.step, cell, step.config.delta_time) : -0.5;
    } else if (cell.marked && step.step > cell.deadline) {
      overdue -= 0.5;
    }
  });
  return std::clamp(growth - 0.5 * unmarked / critical + marking +
                        std::clamp(deletions, -1.0, 1.0) + std::max(overdue, -0.5),
                    -1.0, 1.0);
}

double node_reward(const StepContext& step) {
  if (step.after.empty()) return 0.0;
  const double sum = movement_rewards(step) + substrate_rewards(step) + outer_cell_rewards(step) +
                     left_edge_rewards(step) + boundary_zone_rewards(step) +
                     safe_center_rewards(step) + intensity_rewards(step);
  const bool mean = step.config.reward.node.aggregation == NodeRewards::Aggregation::kMean;
  return mean ? sum / static_cast<double>(step.after.size()) : sum;
}

double movement_rewards(const StepContext& step) {
  const NodeRewards& rule = step.config.reward.node;
  double sum = 0.0;
  for_each_before(step, [&](const Cell& cell, const Cell* now) {
    if (now == nullptr) return;
    const double dx = static_cast<double>(now->x) - cell.x;
    sum += (dx > 0.0 ? rule.movement_reward : rule.leftward_penalty) * dx;
  });
  return sum;
}

double substrate_rewards(const StepContext& step) {
  return step.config.reward.node.substrate_reward *
         sum_over(step.after, [&](const Cell& cell) { return step.substrate.intensity(cell.x); });
}

double outer_cell_rewards(const StepContext& step) {
  const double bonus = step.config.reward.position.boundary_bonus;
  if (bonus == 0.0) return 0.0;
  const std::vector<std::uint8_t> outer = convex_hull(step.after).outer;
  return bonus * static_cast<double>(std::count(outer.begin(), outer.end(), 1));
}

double left_edge_rewards(const StepContext& step) {
  const double border = 0.1 * step.substrate.width();
  return -step.config.reward.position.left_edge_penalty *
         sum_over(step.after, [&](const Cell& cell) { return cell.x < border ? 1.0 : 0.0; });
}

double boundary_zone_rewards(const StepContext& step) {
  const PositionRewards& rule = step.config.reward.position;
  return sum_over(step.after, [&](const Cell& cell) {
    const double edge = edge_distance(cell, step.substrate);
    if (edge < rule.critical_zone_threshold) return -rule.critical_zone_penalty;
    if (edge < rule.danger_zone_threshold) return -rule.danger_zone_penalty;
    return edge < rule.edge_zone_threshold ? -rule.edge_position_penalty : 0.0;
  });
}

double safe_center_rewards(const StepContext& step) {
  const PositionRewards& rule = step.config.reward.position;
  const double middle = 0.5 * step.substrate.height();
  return rule.safe_center_bonus * sum_over(step.after, [&](const Cell& cell) {
           return std::abs(cell.y - middle) / middle < rule.safe_center_range ? 1.0 : 0.0;
         });
}

double intensity_rewards(const StepContext& step) {
  if (step.past == nullptr) return 0.0;
  const NodeRewards& rule = step.config.reward.node;
  const std::vector<std::int64_t>& ids = step.past->ids;
  const double mean = mean_intensity(step.after, step.substrate);
  return sum_over(step.after, [&](const Cell& cell) {
    if (!std::binary_search(ids.begin(), ids.end(), cell.id)) return 0.0;
    return step.substrate.intensity(cell.x) < mean ? -rule.intensity_penalty : rule.intensity_bonus;
  });
}

}  // namespace frost
