#include "rl/envs/durotaxis/views/state_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

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

template <typename T>
std::string text(const T& value) {
  return fmt::format("{}", value);
}

/// decision, gamma, alpha, noise, theta of a cell.
std::array<std::string, 5> decision_fields(const Action* joint, std::size_t cell,
                                           const SpawnParameters& fixed) {
  if (joint == nullptr) return {};
  if (joint->decisions.at(cell) == kDeleteCell) return {"delete"};
  if (joint->parameters.empty()) {
    return {"spawn", text(fixed.gamma), text(fixed.alpha), text(fixed.noise), text(fixed.theta)};
  }
  const float* p = joint->parameters.data() + 4 * cell;
  return {"spawn", text(p[0]), text(p[1]), text(p[2]), text(p[3])};
}

}  // namespace

std::vector<std::string> colony_columns() {
  return {"cells", "edges", "roots", "centroid_x", "centroid_y", "largest_x"};
}

std::vector<std::string> colony_row(const Colony& colony) {
  const std::array<double, 2> centroid = colony.centroid();
  const auto by_x = [](const Cell& a, const Cell& b) { return a.x < b.x; };
  const auto rightmost = std::max_element(colony.cells().begin(), colony.cells().end(), by_x);
  return {text(colony.size()),      text(colony.num_edges()),
          text(colony.num_roots()), text(centroid[0]),
          text(centroid[1]),        rightmost == colony.cells().end() ? "" : text(rightmost->x)};
}

std::vector<std::string> reward_term_columns() {
  std::vector<std::string> names;
  for (const Term& term : kTerms) names.push_back(std::string("term_") + term.first);
  return names;
}

std::vector<std::string> reward_term_row(const RewardTerms& terms) {
  std::vector<std::string> row;
  for (const Term& term : kTerms) row.push_back(text(terms.*term.second));
  return row;
}

std::vector<std::string> cell_columns() {
  return {"cell",     "parent", "x",     "y",     "age",  "marked",
          "decision", "gamma",  "alpha", "noise", "theta"};
}

std::vector<std::vector<std::string>> cell_rows(const Colony& colony, const Action* joint_action,
                                                const SpawnParameters& fixed) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < colony.cells().size(); ++i) {
    const Cell& cell = colony.cells()[i];
    std::vector<std::string> row = {
        text(cell.id),  cell.parent == Cell::kNoParent ? "" : text(colony.cell(cell.parent).id),
        text(cell.x),   text(cell.y),
        text(cell.age), cell.marked ? "1" : "0"};
    for (std::string& field : decision_fields(joint_action, i, fixed)) {
      row.push_back(std::move(field));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace frost
