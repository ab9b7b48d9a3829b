#pragma once

#include <vector>

#include "rl/envs/durotaxis/rewards/cell_rewards.h"
#include "rl/envs/durotaxis/rewards/rewards.h"
#include "tests/rl/durotaxis/durotaxis_fixture.h"

// States made by hand, for the rewards.
namespace frost {

inline Cell cell_at(std::int64_t id, float x, float y = 200.0f,
                    std::int32_t parent = Cell::kNoParent) {
  Cell cell;
  cell.id = id;
  cell.x = x;
  cell.y = y;
  cell.parent = parent;
  return cell;
}

inline Cell newborn_at(std::int64_t id, float x, float y, std::int32_t parent) {
  Cell cell = cell_at(id, x, y, parent);
  cell.fresh = true;
  return cell;
}

inline Cell marked(Cell cell, std::int32_t deadline = 0) {
  cell.marked = true;
  cell.deadline = deadline;
  return cell;
}

inline Cell aged(Cell cell, int age) {
  cell.age = age;
  return cell;
}

inline std::vector<Cell> cells_at(const std::vector<float>& xs) {
  std::vector<Cell> cells;
  for (const float x : xs) cells.push_back(cell_at(static_cast<std::int64_t>(cells.size()), x));
  return cells;
}

inline Cell spared(Cell cell) {
  cell.spared = true;
  return cell;
}

/// The field of slope 0.05 and all defaults, in normal mode.
struct Scene {
  DurotaxisConfig config = normal_config();
  Substrate field = linear_field();
  std::vector<Cell> before, after;

  static DurotaxisConfig normal_config() {
    DurotaxisConfig config = steep_config();
    config.reward.centroid_distance_only = false;
    return config;
  }
  StepContext step() const {
    return {.config = config, .substrate = field, .before = before, .after = after};
  }
};

}  // namespace frost
