#include "rl/envs/durotaxis/durotaxis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/status.h"
#include "rl/envs/durotaxis/features.h"

namespace frost {

namespace {

void require(bool holds, const char* key, const char* rule) {
  if (!holds) throw UsageError(fmt::format("[environment] {} must be {}", key, rule));
}

const DurotaxisConfig& validated(const DurotaxisConfig& c) {
  require(c.init_num_nodes >= 1, "init_num_nodes", "at least 1");
  require(c.max_critical_nodes >= 1, "max_critical_nodes", "at least 1");
  require(c.threshold_critical_nodes > c.max_critical_nodes, "threshold_critical_nodes",
          "above max_critical_nodes");
  require(c.max_steps >= 1, "max_steps", "at least 1");
  require(c.consecutive_left_moves_limit >= 1, "consecutive_left_moves_limit", "at least 1");
  require(c.delta_time >= 1, "delta_time", "at least 1");
  require(c.min_nodes >= 0, "min_nodes", "0 (no rule) or more");
  require(c.max_spawn_degree >= 0, "max_spawn_degree", "0 (no rule) or more");
  const auto& ranges = c.substrate;
  for (const auto& range :
       {ranges.linear_m, ranges.linear_b, ranges.exponential_m, ranges.exponential_b})
    require(range.low <= range.high, "random_substrate", "ranges with low <= high");
  return c;
}

// A field to hold the place until the first reset.
Substrate placeholder_field(SubstrateConfig config) {
  RandomStream stream(0, StreamPurpose::kField);
  return Substrate(resolve_field(std::move(config), stream));
}

}  // namespace

TerminationCase find_termination(const Colony& colony, const Substrate& substrate,
                                 const DurotaxisConfig& config, int left_moves, int steps) {
  const auto& cells = colony.cells();
  const auto width = static_cast<double>(substrate.width());
  const auto height = static_cast<double>(substrate.height());
  if (colony.size() > config.threshold_critical_nodes) return TerminationCase::kTooManyNodes;
  if (cells.empty()) return TerminationCase::kNoNodes;
  if (std::any_of(cells.begin(), cells.end(), [&](const Cell& c) {
        return c.x < 0.0 || c.y < 0.0 || c.x >= width || c.y >= height;
      }))
    return TerminationCase::kOutOfBounds;
  if (left_moves >= config.consecutive_left_moves_limit) return TerminationCase::kLeftwardDrift;
  if (std::any_of(cells.begin(), cells.end(), [&](const Cell& c) { return c.x >= 0.95 * width; }))
    return TerminationCase::kSuccess;
  if (steps >= config.max_steps) return TerminationCase::kTimeLimit;
  return TerminationCase::kRunning;
}

double termination_reward(TerminationCase ending, const TerminationRewards& rewards) {
  switch (ending) {
    case TerminationCase::kRunning:
    case TerminationCase::kOther:
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

void mark_by_rule(Colony& colony, const Substrate& substrate, const ColonySnapshot& past,
                  int max_critical_nodes) {
  const int excess = colony.size() - max_critical_nodes;
  if (excess <= 0) return;
  double mean = 0.0;
  for (const Cell& cell : colony.cells()) mean += substrate.intensity(cell.x);
  mean /= colony.size();

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

std::vector<ContinuousDimension> SpawnPolicyConfig::dimensions() const {
  std::vector<ContinuousDimension> all;
  for (std::size_t d = 0; d < bounds.size(); ++d) {
    all.push_back({bounds[d].low, bounds[d].high, d < 3 ? Squash::kSigmoid : Squash::kTanh});
  }
  return all;
}

Durotaxis::Durotaxis(const DurotaxisConfig& config)
    : config_(validated(config)), substrate_(placeholder_field(config.substrate)) {}

void Durotaxis::reset(std::uint64_t episode_seed) {
  RandomStream field(episode_seed, StreamPurpose::kField);
  RandomStream layout(episode_seed, StreamPurpose::kLayout);
  const Substrate substrate(resolve_field(config_.substrate, field));
  start(initial_colony(config_.init_num_nodes, substrate, layout), substrate);
}

void Durotaxis::start(Colony colony, const Substrate& substrate) {
  colony.check_invariants(substrate);
  colony_ = std::move(colony);
  substrate_ = substrate;
  history_.clear();
  steps_ = 0;
  left_moves_ = 0;
  running_ = true;
  remember_colony();
}

StepResult Durotaxis::step(const Action& action) {
  if (!running_) fail("step", "no episode is running; call reset first");
  const double previous_x = colony_.centroid()[0];
  colony_.apply(action, config_.fixed_spawn, substrate_, config_.min_nodes);
#ifndef NDEBUG
  colony_.check_invariants(substrate_);
#endif
  ++steps_;
  colony_.grow_older();
  if (history_.size() > static_cast<std::size_t>(config_.delta_time))
    mark_by_rule(colony_, substrate_, history_.front(), config_.max_critical_nodes);
  remember_colony();

  const double centroid_x = colony_.centroid()[0];
  left_moves_ = centroid_x < previous_x ? left_moves_ + 1 : 0;

  StepResult result;
  result.termination_case = find_termination(colony_, substrate_, config_, left_moves_, steps_);
  result.truncated = result.termination_case == TerminationCase::kTimeLimit;
  result.terminated = result.termination_case != TerminationCase::kRunning && !result.truncated;
  running_ = !result.done();
  // Both go into one component, so that the components add up to the total.
  result.reward[kGraph] =
      distance_reward(previous_x, centroid_x) + scaled_termination(result.termination_case);
  result.reward[kTotal] = result.reward[kGraph];
  result.population = colony_.size();
  return result;
}

GraphObservation Durotaxis::graph() const {
  return extract_features(colony_, substrate_, config_);
}

ActionSpace Durotaxis::action_space() const {
  ActionSpace space{ActionSpace::kPerCell, 2, {}, kSpawnCell};
  if (config_.spawn.continuous()) space.continuous = config_.spawn.dimensions();
  return space;
}

double Durotaxis::progress() const {
  return std::clamp(colony_.centroid()[0] / goal_x(), 0.0, 1.0);
}

// Appends the colony as the next step will find it. While a step runs, a full history reaches back
// to the colony before the actions of delta_time steps ago.
void Durotaxis::remember_colony() {
  ColonySnapshot snapshot;
  if (history_.size() > static_cast<std::size_t>(config_.delta_time)) {
    snapshot = std::move(history_.front());
    history_.pop_front();
  }
  snapshot.ids.clear();
  snapshot.intensity.clear();
  for (const Cell& cell : colony_.cells()) {
    snapshot.ids.push_back(cell.id);
    snapshot.intensity.push_back(substrate_.intensity(cell.x));
  }
  history_.push_back(std::move(snapshot));
}

double Durotaxis::distance_reward(double previous_x, double centroid_x) const {
  if (colony_.size() == 0) return 0.0;  // no centroid
  if (!config_.distance.use_delta_distance) return -(goal_x() - centroid_x) / goal_x();
  return config_.distance.distance_reward_scale * (centroid_x - previous_x) / goal_x();
}

double Durotaxis::scaled_termination(TerminationCase ending) const {
  if (!config_.include_termination_rewards) return 0.0;
  const DistanceRewardConfig& rule = config_.distance;
  const double scaled =
      rule.terminal_reward_scale * termination_reward(ending, config_.termination);
  if (!rule.clip_terminal_rewards) return scaled;
  return std::clamp(scaled, -rule.terminal_reward_clip_value, rule.terminal_reward_clip_value);
}

}  // namespace frost
