#include "rl/envs/durotaxis/rewards/rewards.h"

#include <algorithm>
#include <array>

#include "rl/envs/durotaxis/rewards/cell_rewards.h"

namespace frost {

namespace {

double mean_x(const std::vector<Cell>& cells) {
  return centroid(cells)[0];
}

double goal_x(const StepContext& step) {
  return step.substrate.width() - 1.0;
}

// A terminal state has no future, hence potential 0: without this, shaping would pay for endings.
double shaping(const StepContext& step) {
  const DistanceRewardConfig& rule = step.config.reward.distance;
  const auto potential = [&](const std::vector<Cell>& cells) {
    return cells.empty() ? 0.0 : rule.distance_reward_scale * mean_x(cells) / goal_x(step);
  };
  const double next = is_terminal(step.ending) ? 0.0 : potential(step.after);
  return rule.discount * next - potential(step.before);
}

double scaled_termination(const StepContext& step) {
  const RewardConfig& reward = step.config.reward;
  const DistanceRewardConfig& rule = reward.distance;
  const double scaled = step.terminal_scale * termination_reward(step.ending, reward.termination);
  if (!rule.clip_terminal_rewards) return scaled;
  return std::clamp(scaled, -rule.terminal_reward_clip_value, rule.terminal_reward_clip_value);
}

double recovery_penalty(const StepContext& step) {
  return step.recovered ? step.config.recovery.penalty : 0.0;
}

RewardTerms distance_mode(const StepContext& step) {
  RewardTerms terms;
  terms.distance = distance_reward(step);
  if (step.config.reward.include_termination_rewards) terms.termination = scaled_termination(step);
  return terms;
}

// The state machine's reward holds its own price of growth.
RewardTerms delete_only_mode(const StepContext& step) {
  const RewardConfig& reward = step.config.reward;
  RewardTerms terms;
  if (reward.deletion.mode == DeleteRewards::Mode::kStateMachine) {
    terms.deletion = state_machine_reward(step);
  } else {
    terms.base = growth_penalty(step);
    terms.deletion = delete_reward(step);
  }
  terms.recovery = recovery_penalty(step);
  if (reward.include_termination_rewards)
    terms.termination = termination_reward(step.ending, reward.termination);
  return terms;
}

RewardTerms normal_mode(const StepContext& step) {
  const RewardConfig& reward = step.config.reward;
  RewardTerms terms;
  terms.base = base_reward(step);
  terms.action = action_reward(step);
  terms.centroid = centroid_reward(step);
  terms.survival = survival_reward(step);
  terms.milestone = milestone_reward(step);
  terms.recovery = recovery_penalty(step);
  terms.termination = termination_reward(step.ending, reward.termination);
  terms.spawn = spawn_reward(step);
  terms.deletion = reward.deletion.mode == DeleteRewards::Mode::kStateMachine
                       ? state_machine_reward(step)
                       : delete_reward(step);
  terms.efficiency = efficiency_reward(step);
  terms.edge = edge_reward(step);
  terms.node = node_reward(step);
  return terms;
}

}  // namespace

RewardVector RewardTerms::components() const {
  RewardVector out(kColonyRewards);
  out[kGraph] = distance + base + action + centroid + survival + milestone + recovery + termination;
  out[kSpawn] = spawn;
  out[kDelete] = deletion + efficiency;
  out[kEdge] = edge;
  out[kNode] = node;
  out[kTotal] = out[kGraph] + out[kSpawn] + out[kDelete] + out[kEdge] + out[kNode];
  return out;
}

RewardTerms step_rewards(const StepContext& step) {
  switch (step.config.reward.mode()) {
    case RewardMode::kDistance:
      return distance_mode(step);
    case RewardMode::kDeleteOnly:
      return delete_only_mode(step);
    case RewardMode::kNormal:
      return normal_mode(step);
  }
  return {};
}

double distance_reward(const StepContext& step) {
  const DistanceRewardConfig& rule = step.config.reward.distance;
  if (rule.potential_based) return shaping(step);
  if (step.after.empty()) return 0.0;  // no centroid
  const double centroid_x = mean_x(step.after);
  if (!rule.use_delta_distance) return -(goal_x(step) - centroid_x) / goal_x(step);
  const double previous_x = step.before.empty() ? centroid_x : mean_x(step.before);
  return rule.distance_reward_scale * (centroid_x - previous_x) / goal_x(step);
}

bool is_terminal(TerminationCase ending) {
  return ending != TerminationCase::kRunning && ending != TerminationCase::kTimeLimit;
}

double termination_reward(TerminationCase ending, const TerminationRewards& rewards) {
  switch (ending) {
    case TerminationCase::kRunning:
      return 0.0;
    case TerminationCase::kTooManyNodes:
      return rewards.critical_nodes_penalty;
    case TerminationCase::kNoNodes:
      return rewards.no_nodes_penalty;
    case TerminationCase::kOutOfBounds:
      return rewards.out_of_bounds_penalty;
    case TerminationCase::kLeftwardDrift:
      return rewards.leftward_drift_penalty;
    case TerminationCase::kSuccess:
      return rewards.success_reward;
    case TerminationCase::kTimeLimit:
      return rewards.timeout_penalty;
  }
  return 0.0;
}

int milestones_passed(const std::vector<Cell>& cells, const Substrate& substrate) {
  constexpr std::array kPercent{25.0, 50.0, 75.0, 90.0};
  double right = 0.0;
  for (const Cell& cell : cells) right = std::max(right, static_cast<double>(cell.x));
  const double percent = right / substrate.width() * 100.0;
  return static_cast<int>(std::count_if(kPercent.begin(), kPercent.end(),
                                        [&](double mark) { return percent >= mark; }));
}

double growth_penalty(const StepContext& step) {
  const int critical = step.config.max_critical_nodes;
  const int excess = static_cast<int>(step.after.size()) - critical;
  if (excess <= 0) return 0.0;
  return -step.config.reward.graph.growth_penalty * (1.0 + static_cast<double>(excess) / critical);
}

double base_reward(const StepContext& step) {
  const GraphRewards& rule = step.config.reward.graph;
  const auto nodes = static_cast<int>(step.after.size());
  if (nodes < 2) return -rule.connectivity_penalty;
  if (nodes > step.config.max_critical_nodes) return growth_penalty(step);
  return rule.survival_reward;
}

double action_reward(const StepContext& step) {
  return step.config.reward.graph.action_reward * static_cast<double>(step.before.size());
}

double centroid_reward(const StepContext& step) {
  if (step.before.empty() || step.after.empty()) return 0.0;
  return step.config.reward.graph.centroid_movement_reward *
         (mean_x(step.after) - mean_x(step.before));
}

double edge_reward(const StepContext& step) {
  const EdgeRewards& rule = step.config.reward.edge;
  double sum = 0.0;
  for (const Cell& cell : step.after) {
    if (cell.parent == Cell::kNoParent) continue;
    const double dx =
        static_cast<double>(cell.x) - step.after[static_cast<std::size_t>(cell.parent)].x;
    if (dx > 0.01) sum += rule.rightward_bonus;
    if (dx < -0.01) sum -= rule.leftward_penalty;
  }
  return sum;
}

double survival_reward(const StepContext& step) {
  const SurvivalRewards& rule = step.config.reward.survival;
  if (!rule.enabled) return 0.0;
  const double bonus = step.step >= rule.bonus_threshold ? rule.bonus_reward : 0.0;
  const double full = rule.max_step_factor * step.config.max_steps;
  return (rule.base_reward + bonus) * (1.0 + std::min(step.step / full, 1.0));
}

double milestone_reward(const StepContext& step) {
  const MilestoneRewards& rule = step.config.reward.milestone;
  if (!rule.enabled) return 0.0;
  const std::array rewards{rule.distance_25_percent, rule.distance_50_percent,
                           rule.distance_75_percent, rule.distance_90_percent};
  double sum = 0.0;
  for (int k = step.milestones; k < milestones_passed(step.after, step.substrate); ++k)
    sum += rewards[static_cast<std::size_t>(k)];
  return sum;
}

}  // namespace frost
