#include "rl/envs/durotaxis/colony.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/errors.h"

namespace frost {

namespace {

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

void check_finite(const char* op, const SpawnParameters& p) {
  if (!std::isfinite(p.gamma) || !std::isfinite(p.alpha) || !std::isfinite(p.noise) ||
      !std::isfinite(p.theta))
    fail(op, fmt::format("gamma={}, alpha={}, noise={}, theta={} must be finite", p.gamma, p.alpha,
                         p.noise, p.theta));
}

/// The parameters of cell `index` in an action that has any.
SpawnParameters parameters_of(const Action& action, int index) {
  const float* row = action.parameters.data() + 4 * at(index);
  return {row[0], row[1], row[2], row[3]};
}

float clamp_inside(double value, int side) {
  const double margin = std::max(2.0, 0.01 * side);
  return static_cast<float>(std::clamp(value, margin, side - margin));
}

}  // namespace

double hill_length(double intensity, double gamma, double alpha, double noise) {
  const double felt = std::isfinite(intensity) && intensity > 1e-6 ? intensity : 1.0;
  const double ratio = alpha / felt;
  return gamma / (1.0 + ratio * ratio) + noise;
}

std::array<double, 2> centroid(const std::vector<Cell>& cells) {
  double x = 0.0, y = 0.0;
  for (const Cell& cell : cells) {
    x += cell.x;
    y += cell.y;
  }
  const double n = cells.empty() ? 1.0 : static_cast<double>(cells.size());
  return {x / n, y / n};
}

int Colony::add(float x, float y, std::int32_t parent) {
  if (!std::isfinite(x) || !std::isfinite(y))
    fail("colony", fmt::format("position ({}, {}) is not finite", x, y));
  if (parent != Cell::kNoParent) check_parent("colony", parent);
  Cell cell;
  cell.id = next_id_;
  cell.x = x;
  cell.y = y;
  cell.parent = parent;
  cells_.push_back(cell);
  ++next_id_;
  return size() - 1;
}

void Colony::connect_path() {
  std::vector<std::int32_t> order(cells_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [this](int a, int b) { return cell(a).x < cell(b).x; });
  std::int32_t left = Cell::kNoParent;
  for (const std::int32_t index : order) {
    cells_[at(index)].parent = left;
    left = index;
  }
}

int Colony::spawn(int parent, const SpawnParameters& p, const Substrate& substrate,
                  const ActionRules& rules) {
  check_parent("spawn", parent);
  check_finite("spawn", p);
  const Cell& origin = cell(parent);
  const double theta = p.theta;
  double r = hill_length(substrate.intensity(origin.x), p.gamma, p.alpha, p.noise);
  if (rules.length_noise != nullptr)
    r = std::max(0.0, r + p.noise * (rules.length_noise->normal() - 1.0));
  Cell child;
  child.id = next_id_;
  child.x = clamp_inside(origin.x + r * std::cos(theta), substrate.width());
  child.y = clamp_inside(origin.y + r * std::sin(theta), substrate.height());
  child.parent = parent;
  child.fresh = true;
  child.born_with = p;
  // The field's differences are not exact, hence the tolerance.
  if (rules.least_gain && substrate.gain(origin.x, child.x) < *rules.least_gain - 1e-9)
    return kRefused;
  cells_.push_back(child);
  ++next_id_;
  return size() - 1;
}

void Colony::remove(int index, RootDelete rule) {
  check_parent("delete", index);
  doomed_.assign(cells_.size(), 0);
  doomed_[at(index)] = 1;
  remove_doomed(rule);
}

void Colony::mark(int index, std::int32_t deadline) {
  Cell& cell = cells_[at(index)];
  cell.marked = true;
  cell.spared = false;
  cell.deadline = deadline;
}

void Colony::apply(const Action& action, const SpawnParameters& fixed, const Substrate& substrate,
                   const ActionRules& rules) {
  check_action(action);
  if (action.parameters.empty()) check_finite("step", fixed);
  const int observed = size();
  doomed_.assign(cells_.size(), 0);
  for (int i = 0; i < observed; ++i) doomed_[at(i)] = action.decisions[at(i)] == kDeleteCell;

  const auto deletes = static_cast<int>(std::count(doomed_.begin(), doomed_.end(), 1));
  spare_rightmost(observed, std::min(deletes, deletes - observed + rules.min_survivors));

  for (Cell& cell : cells_) cell.fresh = false;
  for (int i = 0; i < observed; ++i) {
    if (action.decisions[at(i)] != kSpawnCell) continue;
    spawn(i, action.parameters.empty() ? fixed : parameters_of(action, i), substrate, rules);
  }
  if (deletes == 0) return;
  doomed_.resize(cells_.size(), 0);
  remove_doomed(rules.root_delete);
}

// Takes the `excess` rightmost doomed cells off the list.
void Colony::spare_rightmost(int observed, int excess) {
  if (excess <= 0) return;
  scratch_.clear();
  for (int i = 0; i < observed; ++i)
    if (doomed_[at(i)]) scratch_.push_back(i);
  std::stable_sort(scratch_.begin(), scratch_.end(),
                   [this](int a, int b) { return cell(a).x > cell(b).x; });
  for (int k = 0; k < excess; ++k) doomed_[at(scratch_[at(k)])] = 0;
}

void Colony::check_action(const Action& action) const {
  const std::size_t n = cells_.size();
  if (action.decisions.size() != n)
    fail("step", fmt::format("{} decisions for {} cells; give one per observed cell",
                             action.decisions.size(), n));
  if (!action.parameters.empty() && action.parameters.size() != 4 * n)
    fail("step", fmt::format("{} spawn parameters for {} cells; give four per cell or none",
                             action.parameters.size(), n));
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t decision = action.decisions[i];
    if (decision != kSpawnCell && decision != kDeleteCell)
      fail("step",
           fmt::format("decision {} of cell {} is neither spawn (0) nor delete (1)", decision, i));
    if (decision == kSpawnCell && !action.parameters.empty())
      check_finite("step", parameters_of(action, static_cast<int>(i)));
  }
}

void Colony::check_parent(const char* op, int parent) const {
  if (parent < 0 || parent >= size())
    fail(op, fmt::format("cell {} does not exist in a colony of {}", parent, size()));
}

// Deletes one after the other, highest index first: here the order matters, because a promoted
// child stays the root even if a cell deleted later has children farther to the left.
void Colony::promote_heirs() {
  constexpr std::uint8_t kDeleted = 2;
  for (std::int32_t i = size() - 1; i >= 0; --i) {
    if (!doomed_[at(i)]) continue;
    doomed_[at(i)] = kDeleted;
    std::int32_t heir = cells_[at(i)].parent;
    if (heir == Cell::kNoParent) {
      for (std::int32_t c = 0; c < size(); ++c) {
        const bool child = cell(c).parent == i && doomed_[at(c)] != kDeleted;
        if (child && (heir == Cell::kNoParent || cell(c).x < cell(heir).x)) heir = c;
      }
      if (heir != Cell::kNoParent) cells_[at(heir)].parent = Cell::kNoParent;
    }
    for (Cell& cell : cells_)
      if (cell.parent == i) cell.parent = heir;
  }
}

// One pass: a survivor's parent becomes its nearest surviving ancestor, which is what deleting the
// doomed one after the other leads to, in any order.
void Colony::remove_doomed(RootDelete rule) {
  if (rule == RootDelete::kPromoteLeftmostChild) promote_heirs();
  scratch_.assign(cells_.size(), Cell::kNoParent);
  std::int32_t kept = 0;
  for (std::size_t i = 0; i < cells_.size(); ++i)
    if (!doomed_[i]) scratch_[i] = kept++;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (doomed_[i]) continue;
    std::int32_t ancestor = cells_[i].parent;
    while (ancestor != Cell::kNoParent && doomed_[at(ancestor)])
      ancestor = cells_[at(ancestor)].parent;
    cells_[i].parent = ancestor;
  }
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (doomed_[i]) continue;
    Cell& cell = cells_[at(scratch_[i])] = cells_[i];
    if (cell.parent != Cell::kNoParent) cell.parent = scratch_[at(cell.parent)];
  }
  cells_.resize(at(kept));
}

int Colony::num_roots() const {
  return static_cast<int>(std::count_if(cells_.begin(), cells_.end(), [](const Cell& cell) {
    return cell.parent == Cell::kNoParent;
  }));
}

void Colony::grow_older() {
  for (Cell& cell : cells_) ++cell.age;
}

Colony Colony::restore(std::vector<Cell> cells, std::int64_t next_id) {
  Colony colony;
  colony.cells_ = std::move(cells);
  colony.next_id_ = next_id;
  colony.check_forest();
  return colony;
}

void Colony::check_forest() const {
  for (int i = 0; i < size(); ++i) {
    const Cell& c = cell(i);
    if (c.id < 0 || c.id >= next_id_ || (i > 0 && c.id <= cell(i - 1).id))
      fail("colony", fmt::format("id {} of cell {} is not ascending below {}", c.id, i, next_id_));
    if (c.parent < Cell::kNoParent || c.parent >= size())
      fail("colony", fmt::format("parent {} of cell {} does not exist", c.parent, i));
  }
  // Every walk towards a root stops at a cell of an earlier walk; meeting its own trace is a cycle.
  std::vector<std::int32_t> walk(cells_.size(), -1);
  for (std::int32_t start = 0; start < size(); ++start) {
    std::int32_t node = start;
    while (node != Cell::kNoParent && walk[at(node)] < 0) {
      walk[at(node)] = start;
      node = cell(node).parent;
    }
    if (node != Cell::kNoParent && walk[at(node)] == start)
      fail("colony", fmt::format("cell {} is its own ancestor", node));
  }
}

void Colony::check_invariants(const Substrate& substrate) const {
  check_forest();
  for (int i = 0; i < size(); ++i) {
    const Cell& c = cell(i);
    // Written so that NaN fails too.
    const bool inside = c.x >= 0.0f && c.y >= 0.0f && c.x < static_cast<float>(substrate.width()) &&
                        c.y < static_cast<float>(substrate.height());
    if (!inside)
      fail("colony", fmt::format("cell {} at ({}, {}) lies outside {}x{}", i, c.x, c.y,
                                 substrate.width(), substrate.height()));
  }
}

void add_initial_cells(Colony& colony, int num_cells, const Substrate& substrate,
                       RandomStream& stream) {
  for (int i = 0; i < num_cells; ++i) {
    const double x = stream.uniform(0.0, 0.1 * substrate.width());
    const double y = stream.uniform(0.4 * substrate.height(), 0.6 * substrate.height());
    colony.add(static_cast<float>(x), static_cast<float>(y));
  }
  colony.connect_path();
}

Colony initial_colony(int num_cells, const Substrate& substrate, RandomStream& stream) {
  Colony colony;
  add_initial_cells(colony, num_cells, substrate, stream);
  return colony;
}

}  // namespace frost
