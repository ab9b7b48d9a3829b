#include "tools/config/config_rewards.h"

#include "tools/config/config_member.h"
#include "tools/config/config_schema.h"

// The rewards of the durotaxis environment.
namespace frost {
namespace {

using Keys = std::vector<ConfigKey>;

/// Adds keys below one prefix.
class Group {
 public:
  Group(Keys& keys, std::string prefix) : keys_(keys), prefix_(std::move(prefix) + ".") {}

  void amount(const char* name, Member<double> member, const char* doc) {
    within(name, member, at_least(0), doc);
  }
  void within(const char* name, Member<double> member, Interval range, const char* doc) {
    keys_.push_back(number(prefix_ + name, member, range, doc));
  }
  void within(const char* name, Member<int> member, Interval range, const char* doc) {
    keys_.push_back(number(prefix_ + name, member, range, doc));
  }
  void on_off(const char* name, Member<bool> member, const char* doc) {
    keys_.push_back(flag(prefix_ + name, member, doc));
  }

 private:
  Keys& keys_;
  std::string prefix_;
};

void add_modes(Keys& keys) {
  Group environment(keys, "environment");
  environment.on_off("centroid_distance_only_mode",
                     MEMBER(environment.reward.centroid_distance_only),
                     "distance mode: reward the centroid's way to the goal alone");
  environment.on_off("simple_delete_only_mode", MEMBER(environment.reward.simple_delete_only),
                     "delete-only mode: reward size and deletions alone; both false: normal mode");
  environment.on_off("include_termination_rewards",
                     MEMBER(environment.reward.include_termination_rewards),
                     "reward endings in the two special modes; normal mode always does");
  environment.within("delta_intensity", MEMBER(environment.reward.delta_intensity), at_least(0),
                     "gain of a successful spawn, in columns of the field's rise at the parent");
}

void add_distance(Keys& keys) {
  Group distance(keys, "environment.distance_mode");
  distance.on_off("use_delta_distance", MEMBER(environment.reward.distance.use_delta_distance),
                  "reward the centroid's move of a step instead of its distance to the goal");
  distance.on_off("potential_based", MEMBER(environment.reward.distance.potential_based),
                  "exact shaping: algorithm.gamma times the new potential minus the old one");
  distance.amount("distance_reward_scale",
                  MEMBER(environment.reward.distance.distance_reward_scale),
                  "reward of moving the centroid over the whole way");
  distance.amount("terminal_reward_scale",
                  MEMBER(environment.reward.distance.terminal_reward_scale),
                  "factor on termination_rewards where they are included");
  distance.on_off("clip_terminal_rewards",
                  MEMBER(environment.reward.distance.clip_terminal_rewards),
                  "limit the scaled termination reward");
  distance.within("terminal_reward_clip_value",
                  MEMBER(environment.reward.distance.terminal_reward_clip_value), above(0),
                  "that limit, on either side of zero");
  distance.on_off("scheduler_enabled", MEMBER(environment.reward.terminal_scale.enabled),
                  "lower terminal_reward_scale once episodes go well");
  distance.within("scheduler_window_size", MEMBER(environment.reward.terminal_scale.window_size),
                  at_least(1), "episodes looked at");
  distance.within("scheduler_progress_threshold",
                  MEMBER(environment.reward.terminal_scale.progress_threshold), between(0, 1),
                  "share of them with a positive return that counts as well");
  distance.within("scheduler_consecutive_windows",
                  MEMBER(environment.reward.terminal_scale.consecutive_windows), at_least(1),
                  "episodes in a row after which that was so");
  distance.within("scheduler_decay_rate", MEMBER(environment.reward.terminal_scale.decay_rate),
                  between(0, 1), "factor on the scale then");
  distance.amount("scheduler_min_scale", MEMBER(environment.reward.terminal_scale.min_scale),
                  "where it stops falling");
}

void add_endings(Keys& keys) {
  Group endings(keys, "environment.termination_rewards");
  endings.amount("success_reward", MEMBER(environment.reward.termination.success_reward),
                 "a cell reached the goal line");
  const auto penalty = [&](const char* name, Member<double> member, const char* doc) {
    endings.within(name, member, at_most(0), doc);
  };
  penalty("out_of_bounds_penalty", MEMBER(environment.reward.termination.out_of_bounds_penalty),
          "a cell left the field");
  penalty("no_nodes_penalty", MEMBER(environment.reward.termination.no_nodes_penalty),
          "no cell is left");
  penalty("leftward_drift_penalty", MEMBER(environment.reward.termination.leftward_drift_penalty),
          "the colony drifted left for too long");
  penalty("timeout_penalty", MEMBER(environment.reward.termination.timeout_penalty),
          "the time limit");
  penalty("critical_nodes_penalty", MEMBER(environment.reward.termination.critical_nodes_penalty),
          "more cells than threshold_critical_nodes");
}

void add_colony(Keys& keys) {
  Group graph(keys, "environment.graph_rewards");
  graph.amount("connectivity_penalty", MEMBER(environment.reward.graph.connectivity_penalty),
               "for fewer than two cells");
  graph.amount("growth_penalty", MEMBER(environment.reward.graph.growth_penalty),
               "for more than max_critical_nodes cells, rising with the excess");
  graph.amount("survival_reward", MEMBER(environment.reward.graph.survival_reward),
               "for any number in between");
  graph.amount("action_reward", MEMBER(environment.reward.graph.action_reward), "per decision");
  graph.amount("centroid_movement_reward",
               MEMBER(environment.reward.graph.centroid_movement_reward),
               "per column the centroid moves to the right");

  Group edge(keys, "environment.edge_reward");
  edge.amount("rightward_bonus", MEMBER(environment.reward.edge.rightward_bonus),
              "per edge that points right");
  edge.amount("leftward_penalty", MEMBER(environment.reward.edge.leftward_penalty),
              "per edge that points left");

  Group milestone(keys, "environment.milestone_rewards");
  milestone.on_off("enabled", MEMBER(environment.reward.milestone.enabled),
                   "reward the first cell beyond a share of the width, in normal mode");
  milestone.amount("distance_25_percent", MEMBER(environment.reward.milestone.distance_25_percent),
                   "a quarter");
  milestone.amount("distance_50_percent", MEMBER(environment.reward.milestone.distance_50_percent),
                   "half");
  milestone.amount("distance_75_percent", MEMBER(environment.reward.milestone.distance_75_percent),
                   "three quarters");
  milestone.amount("distance_90_percent", MEMBER(environment.reward.milestone.distance_90_percent),
                   "nine tenths");

  Group survival(keys, "environment.survival_reward_config");
  survival.on_off("enabled", MEMBER(environment.reward.survival.enabled),
                  "reward every step, in normal mode");
  survival.amount("base_reward", MEMBER(environment.reward.survival.base_reward), "of every step");
  survival.within("bonus_threshold", MEMBER(environment.reward.survival.bonus_threshold),
                  at_least(0), "step from which on the bonus is added");
  survival.amount("bonus_reward", MEMBER(environment.reward.survival.bonus_reward), "that bonus");
  survival.within("max_step_factor", MEMBER(environment.reward.survival.max_step_factor), above(0),
                  "share of max_steps after which both have doubled");
}

void add_spawns_and_deletes(Keys& keys) {
  Group spawn(keys, "environment.spawn_rewards");
  spawn.amount("spawn_success_reward", MEMBER(environment.reward.spawn.success_reward),
               "per newborn cell that gained delta_intensity over its parent");
  spawn.amount("spawn_failure_penalty", MEMBER(environment.reward.spawn.failure_penalty),
               "per newborn cell that did not");
  spawn.amount("spawn_near_boundary_penalty",
               MEMBER(environment.reward.spawn.near_boundary_penalty),
               "per newborn cell in the edge zone");
  spawn.amount("spawn_in_danger_zone_penalty",
               MEMBER(environment.reward.spawn.in_danger_zone_penalty),
               "per newborn cell in the danger zone");
  spawn.on_off("spawn_boundary_check", MEMBER(environment.reward.spawn.boundary_check),
               "apply the two penalties of the zones");

  keys.push_back(choice<DeleteRewards::Mode>(
      "environment.delete_reward.mode", MEMBER(environment.reward.deletion.mode),
      {{"marks", DeleteRewards::Mode::kMarks},
       {"state_machine", DeleteRewards::Mode::kStateMachine}},
      "marks by the rule of soft ground, or with deadlines and a reward in [-1, 1]"));
  Group deletion(keys, "environment.delete_reward");
  deletion.amount("proper_deletion", MEMBER(environment.reward.deletion.proper_deletion),
                  "per marked cell deleted, in normal mode");
  deletion.amount("persistence_penalty", MEMBER(environment.reward.deletion.persistence_penalty),
                  "per marked cell kept");
  deletion.amount("improper_deletion_penalty",
                  MEMBER(environment.reward.deletion.improper_deletion_penalty),
                  "per unmarked cell deleted");

  Group efficiency(keys, "environment.deletion_efficiency");
  efficiency.amount("age_reward", MEMBER(environment.reward.efficiency.age_reward),
                    "per deleted cell and step of its age above age_threshold");
  efficiency.within("age_threshold", MEMBER(environment.reward.efficiency.age_threshold),
                    at_least(0), "that age");
  efficiency.amount("stagnation_reward", MEMBER(environment.reward.efficiency.stagnation_reward),
                    "the same for steps of stagnation");
  efficiency.within("stagnation_threshold",
                    MEMBER(environment.reward.efficiency.stagnation_threshold), at_least(0),
                    "above this");
}

void add_cells(Keys& keys) {
  Group node(keys, "environment.node_rewards");
  node.amount("movement_reward", MEMBER(environment.reward.node.movement_reward),
              "per column a cell moved to the right; cells do not move");
  node.amount("leftward_penalty", MEMBER(environment.reward.node.leftward_penalty),
              "per column a cell moved to the left");
  node.amount("intensity_penalty", MEMBER(environment.reward.node.intensity_penalty),
              "per cell of delta_time steps ago below the mean intensity");
  node.amount("intensity_bonus", MEMBER(environment.reward.node.intensity_bonus),
              "per such cell at the mean or above");
  node.amount("substrate_reward", MEMBER(environment.reward.node.substrate_reward),
              "per unit of intensity under a cell");
  keys.push_back(choice<NodeRewards::Aggregation>(
      "environment.node_rewards.aggregation", MEMBER(environment.reward.node.aggregation),
      {{"mean", NodeRewards::Aggregation::kMean}, {"sum", NodeRewards::Aggregation::kSum}},
      "of the rewards of single cells; a sum pays for the size of the colony"));

  Group position(keys, "environment.position_rewards");
  position.amount("boundary_bonus", MEMBER(environment.reward.position.boundary_bonus),
                  "per outer cell of the colony");
  position.amount("left_edge_penalty", MEMBER(environment.reward.position.left_edge_penalty),
                  "per cell in the leftmost tenth");
  position.amount("edge_position_penalty",
                  MEMBER(environment.reward.position.edge_position_penalty),
                  "per cell in the edge zone");
  position.amount("danger_zone_penalty", MEMBER(environment.reward.position.danger_zone_penalty),
                  "per cell in the danger zone");
  position.amount("critical_zone_penalty",
                  MEMBER(environment.reward.position.critical_zone_penalty),
                  "per cell in the critical zone");
  const Interval zone{.low = 0, .high = 0.5, .open_low = true, .open_high = true};
  position.within("edge_zone_threshold", MEMBER(environment.reward.position.edge_zone_threshold),
                  zone, "width of the edge zone, as a share of the height");
  position.within("danger_zone_threshold",
                  MEMBER(environment.reward.position.danger_zone_threshold), zone,
                  "of the danger zone");
  position.within("critical_zone_threshold",
                  MEMBER(environment.reward.position.critical_zone_threshold), zone,
                  "of the critical zone");
  position.amount("safe_center_bonus", MEMBER(environment.reward.position.safe_center_bonus),
                  "per cell near the middle");
  position.within("safe_center_range", MEMBER(environment.reward.position.safe_center_range),
                  between(0, 1), "how near, as a share of half the height");
}

}  // namespace

Keys reward_keys() {
  Keys keys;
  for (const auto add :
       {add_modes, add_distance, add_endings, add_colony, add_spawns_and_deletes, add_cells})
    add(keys);
  return keys;
}

}  // namespace frost
