#include "rl/envs/durotaxis/durotaxis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/errors.h"
#include "rl/envs/durotaxis/baselines.h"
#include "rl/envs/durotaxis/features.h"
#include "rl/envs/durotaxis/recovery.h"
#include "rl/envs/durotaxis/spec.h"
#include "rl/envs/durotaxis/views/colony_frame.h"
#include "rl/envs/durotaxis/views/state_tables.h"

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
  require(c.recovery.spawn_nodes >= 1, "empty_graph_recovery.spawn_nodes", "at least 1");
  require(c.recovery.max_attempts >= 0, "empty_graph_recovery.max_attempts", "0 or more");
  const TerminalScaleConfig& scheduler = c.reward.terminal_scale;
  require(scheduler.window_size >= 1, "distance_mode.scheduler_window_size", "at least 1");
  require(scheduler.consecutive_windows >= 1, "distance_mode.scheduler_consecutive_windows",
          "at least 1");
  const PositionRewards& zones = c.reward.position;
  require(zones.critical_zone_threshold < zones.danger_zone_threshold &&
              zones.danger_zone_threshold < zones.edge_zone_threshold,
          "position_rewards", "thresholds that rise from critical over danger to edge zone");
  const auto& ranges = c.substrate;
  for (const auto& range :
       {ranges.linear_m, ranges.linear_b, ranges.exponential_m, ranges.exponential_b})
    require(range.low <= range.high, "random_substrate", "ranges with low <= high");
  return c;
}

// A field to hold the place until the first reset.
Substrate placeholder_field(const SubstrateConfig& config) {
  RandomStream stream(0, StreamPurpose::kField);
  return Substrate(resolve_field(config, stream));
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

std::vector<ContinuousDimension> SpawnPolicyConfig::dimensions() const {
  std::vector<ContinuousDimension> all;
  for (std::size_t d = 0; d < bounds.size(); ++d) {
    all.push_back({bounds[d].low, bounds[d].high, d < 3 ? Squash::kSigmoid : Squash::kTanh});
  }
  return all;
}

Durotaxis::Durotaxis(const DurotaxisConfig& config)
    : Environment(colony_graph_spec(config)),
      config_(validated(config)),
      terminal_scale_(config.reward.terminal_scale, config.reward.distance.terminal_reward_scale),
      substrate_(placeholder_field(config.substrate)),
      recovery_stream_(0, StreamPurpose::kRecovery),
      length_stream_(0, StreamPurpose::kDynamics) {}

void Durotaxis::reset(std::uint64_t episode_seed) {
  RandomStream field(episode_seed, StreamPurpose::kField);
  RandomStream layout(episode_seed, StreamPurpose::kLayout);
  const Substrate substrate(resolve_field(config_.substrate, field));
  start(initial_colony(config_.init_num_nodes, substrate, layout), substrate, episode_seed);
}

void Durotaxis::start(Colony colony, const Substrate& substrate, std::uint64_t seed) {
  colony.check_invariants(substrate);
  colony_ = std::move(colony);
  substrate_ = substrate;
  seed_ = seed;
  recovery_stream_ = RandomStream(seed, StreamPurpose::kRecovery);
  length_stream_ = RandomStream(seed, StreamPurpose::kDynamics);
  history_.clear();
  terms_ = {};
  episode_return_ = 0.0;
  steps_ = left_moves_ = milestones_ = recoveries_ = 0;
  ever_marked_ = false;
  running_ = true;
  remember_colony();
}

StepResult Durotaxis::step(const Action& action) {
  if (!running_) fail("step", "no episode is running; call reset first");
  const double previous_x = colony_.centroid()[0];
  execute(action);
  ++steps_;
  colony_.grow_older();
  mark_cells();
  const bool marked = std::any_of(colony_.cells().begin(), colony_.cells().end(),
                                  [](const Cell& cell) { return cell.marked; });
  const bool recovered = recover_if_empty();
  left_moves_ = !recovered && colony_.centroid()[0] < previous_x ? left_moves_ + 1 : 0;

  StepResult result;
  const TerminationCase ending =
      find_termination(colony_, substrate_, config_, left_moves_, steps_);
  result.ending = static_cast<int>(ending);
  result.success = ending == TerminationCase::kSuccess;
  result.terminated = is_terminal(ending);
  result.truncated = ending == TerminationCase::kTimeLimit;
  running_ = !result.done();

  terms_ = step_rewards({.config = config_,
                         .substrate = substrate_,
                         .before = before_,
                         .after = colony_.cells(),
                         .past = past(),
                         .step = steps_,
                         .milestones = milestones_,
                         .first_marking = marked && !ever_marked_,
                         .recovered = recovered,
                         .ending = ending,
                         .terminal_scale = terminal_scale_.value()});
  result.reward = terms_.components();
  result.size = colony_.size();
  milestones_ = std::max(milestones_, milestones_passed(colony_.cells(), substrate_));
  ever_marked_ = ever_marked_ || marked;
  episode_return_ += result.reward[kTotal];
  if (!running_) terminal_scale_.record(episode_return_);
  remember_colony();
  return result;
}

// Applies the joint action and keeps the colony it was meant for.
void Durotaxis::execute(const Action& action) {
  before_ = colony_.cells();
  ActionRules rules{.min_survivors = config_.min_nodes, .root_delete = config_.root_delete};
  if (config_.spawn_acceptance) rules.least_gain = config_.reward.delta_intensity;
  if (config_.random_spawn_length) rules.length_noise = &length_stream_;
  colony_.apply(action, config_.fixed_spawn, substrate_, rules);
#ifndef NDEBUG
  colony_.check_invariants(substrate_);
#endif
}

// The colony before the actions of delta_time steps ago, while a step runs.
const ColonySnapshot* Durotaxis::past() const {
  return history_.size() > static_cast<std::size_t>(config_.delta_time) ? &history_.front()
                                                                        : nullptr;
}

void Durotaxis::mark_cells() {
  if (config_.reward.deletion.mode == DeleteRewards::Mode::kStateMachine) {
    mark_by_state_machine(colony_, substrate_, static_cast<int>(before_.size()),
                          config_.max_critical_nodes, steps_, config_.delta_time);
  } else if (const ColonySnapshot* snapshot = past()) {
    mark_by_rule(colony_, substrate_, *snapshot, config_.max_critical_nodes);
  }
}

bool Durotaxis::recover_if_empty() {
  const RecoveryConfig& rule = config_.recovery;
  if (!rule.enabled || colony_.size() > 0 || recoveries_ >= rule.max_attempts) return false;
  std::optional<std::array<double, 2>> lost_at;
  if (!before_.empty()) lost_at = centroid(before_);
  recover(colony_, lost_at, substrate_, rule, recovery_stream_);
  history_.clear();
  ++recoveries_;
  return true;
}

GraphObservation Durotaxis::graph() const {
  return extract_features(colony_, substrate_, config_);
}

Action Durotaxis::scripted_action(const std::string& policy, RandomStream& stream) const {
  if (policy == "random") return random_policy(graph(), stream);
  if (policy == "all_spawn") return all_spawn_policy(graph());
  if (policy == "half_delete") return half_delete_policy(colony_);
  return Environment::scripted_action(policy, stream);
}

RgbImage Durotaxis::render(const RenderRequest& request) const {
  return draw_frame(colony_, substrate_, request.action, request.title,
                    fmt::format("step {}, {} cells, return {:.3f}", steps_, colony_.size(),
                                request.episode_return));
}

std::vector<std::string> Durotaxis::state_row() const {
  return colony_row(colony_);
}

std::vector<std::string> Durotaxis::reward_row() const {
  return reward_term_row(terms_);
}

std::vector<std::vector<std::string>> Durotaxis::detail_rows(const Action* action) const {
  return cell_rows(colony_, action, config_.fixed_spawn);
}

double Durotaxis::progress() const {
  return std::clamp(colony_.centroid()[0] / (substrate_.width() - 1.0), 0.0, 1.0);
}

// Appends the colony as the next step will find it.
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

}  // namespace frost
