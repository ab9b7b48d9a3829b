#include "tools/runs/trajectories.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "rl/envs/durotaxis/picture.h"
#include "rl/ppo/minibatch.h"
#include "tools/reports/csv.h"

namespace frost {
namespace {

using Term = std::pair<const char*, double RewardTerms::*>;

constexpr std::array kTerms = {Term{"distance", &RewardTerms::distance},
                               Term{"base", &RewardTerms::base},
                               Term{"action", &RewardTerms::action},
                               Term{"centroid", &RewardTerms::centroid},
                               Term{"survival", &RewardTerms::survival},
                               Term{"milestone", &RewardTerms::milestone},
                               Term{"recovery", &RewardTerms::recovery},
                               Term{"termination", &RewardTerms::termination},
                               Term{"spawn", &RewardTerms::spawn},
                               Term{"deletion", &RewardTerms::deletion},
                               Term{"efficiency", &RewardTerms::efficiency},
                               Term{"edge", &RewardTerms::edge},
                               Term{"node", &RewardTerms::node}};
static_assert(sizeof(RewardTerms) == kTerms.size() * sizeof(double), "a term is missing");

/// Id of the parent; nothing for a root.
std::string parent_id(const Colony& colony, const Cell& cell) {
  return cell.parent == Cell::kNoParent ? "" : std::to_string(colony.cell(cell.parent).id);
}

/// ",DECISION,gamma,alpha,noise,theta" of a cell; nothing where it does not apply.
std::string decision_fields(const Action& joint, std::size_t cell, const SpawnParameters& fixed) {
  if (joint.decisions.at(cell) == kDeleteCell) return ",delete,,,,";
  if (joint.parameters.empty()) {
    return fmt::format(",spawn,{},{},{},{}", fixed.gamma, fixed.alpha, fixed.noise, fixed.theta);
  }
  const float* p = joint.parameters.data() + 4 * cell;
  return fmt::format(",spawn,{},{},{},{}", p[0], p[1], p[2], p[3]);
}

}  // namespace

std::string EpisodeRows::text() const {
  return std::accumulate(rows_.begin(), rows_.end(), std::string());
}

std::string& EpisodeRows::rows(int episode) {
  const auto index = static_cast<std::size_t>(episode);
  rows_.resize(std::max(rows_.size(), index + 1));
  return rows_[index];
}

std::string EpisodeRows::key(int episode, int step) const {
  return fmt::format("{},{},{}", csv_field(policy_), episode, step);
}

std::string CellRows::header() {
  return "policy,episode,step,cell,parent,x,y,age,marked,decision,gamma,alpha,noise,theta\n";
}

void CellRows::before_step(int episode, const Environment& environment, const Action& action) {
  append(episode, *find_colony(environment), joint_action(environment, action));
}

void CellRows::after_step(int episode, const Environment& environment, const StepResult& result) {
  if (result.done()) append(episode, *find_colony(environment), {});
}

void CellRows::append(int episode, const Durotaxis& durotaxis, const Action& joint) {
  const Colony& colony = durotaxis.colony();
  const std::string first = key(episode, durotaxis.episode_steps());
  std::string& text = rows(episode);
  for (std::size_t i = 0; i < colony.cells().size(); ++i) {
    const Cell& cell = colony.cells()[i];
    text += fmt::format("{},{},{},{},{},{},{}{}\n", first, cell.id, parent_id(colony, cell), cell.x,
                        cell.y, cell.age, cell.marked ? 1 : 0,
                        joint.decisions.empty()
                            ? ",,,,,"
                            : decision_fields(joint, i, durotaxis.config().fixed_spawn));
  }
}

std::string StepRows::header() {
  std::string names = "policy,episode,step,cells,edges,roots,centroid_x,centroid_y,largest_x";
  for (const char* component : kRewardComponentNames) {
    names += fmt::format(",reward_{}", component);
  }
  for (const Term& term : kTerms) names += fmt::format(",term_{}", term.first);
  return names + ",termination_case\n";
}

void StepRows::after_step(int episode, const Environment& environment, const StepResult& result) {
  const Durotaxis& durotaxis = *find_colony(environment);
  const Colony& colony = durotaxis.colony();
  const std::array<double, 2> centroid = colony.centroid();
  std::string row =
      fmt::format("{},{},{},{},{},{}", key(episode, durotaxis.episode_steps()), colony.size(),
                  colony.num_edges(), colony.num_roots(), centroid[0], centroid[1]);
  const auto by_x = [](const Cell& a, const Cell& b) { return a.x < b.x; };
  const auto rightmost = std::max_element(colony.cells().begin(), colony.cells().end(), by_x);
  row += rightmost == colony.cells().end() ? "," : fmt::format(",{}", rightmost->x);
  for (const double reward : result.reward) row += fmt::format(",{}", reward);
  for (const Term& term : kTerms) row += fmt::format(",{}", durotaxis.reward_terms().*term.second);
  rows(episode) += fmt::format("{},{}\n", row, static_cast<int>(result.termination_case));
}

}  // namespace frost
