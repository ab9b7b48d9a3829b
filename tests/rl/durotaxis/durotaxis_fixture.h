#pragma once

#include <array>
#include <utility>
#include <vector>

#include "rl/envs/durotaxis/colony.h"
#include "rl/envs/durotaxis/durotaxis.h"
#include "rl/envs/durotaxis/durotaxis_config.h"
#include "rl/envs/durotaxis/substrate.h"

namespace frost {

inline SubstrateConfig field_config(double m, SubstrateConfig::Kind kind) {
  SubstrateConfig config;
  config.kind = kind;
  config.m = m;
  config.b = 1.0;
  config.width = 200;
  config.height = 400;
  return config;
}

/// The field of the numeric checks: 200 x 400, I(k) = 0.05 k + 1.
inline Substrate linear_field(double m = 0.05) {
  return Substrate(field_config(m, SubstrateConfig::Kind::kLinear));
}

/// Cells at the given positions, joined left to right.
inline Colony path_colony(const std::vector<std::array<float, 2>>& positions) {
  Colony colony;
  for (const auto& [x, y] : positions) colony.add(x, y);
  colony.connect_path();
  return colony;
}

/// The start of the scripted checks: x = 2, 6, 10, 14, 18 on the middle line.
inline Colony standard_start() {
  return path_colony({{2, 200}, {6, 200}, {10, 200}, {14, 200}, {18, 200}});
}

/// Edges as pairs of ids, ordered by target.
inline std::vector<std::pair<int, int>> edge_ids(const Colony& colony) {
  std::vector<std::pair<int, int>> edges;
  for (const Cell& cell : colony.cells())
    if (cell.parent != Cell::kNoParent)
      edges.emplace_back(static_cast<int>(colony.cell(cell.parent).id), static_cast<int>(cell.id));
  return edges;
}

inline std::vector<int> ids(const Colony& colony) {
  std::vector<int> out;
  for (const Cell& cell : colony.cells()) out.push_back(static_cast<int>(cell.id));
  return out;
}

inline double max_x(const Colony& colony) {
  double best = -1.0;
  for (const Cell& cell : colony.cells()) best = cell.x > best ? cell.x : best;
  return best;
}

/// The field of slope 0.05.
inline DurotaxisConfig steep_config() {
  DurotaxisConfig config;
  config.substrate = field_config(0.05, SubstrateConfig::Kind::kLinear);
  return config;
}

/// What a policy sees of the colony.
inline GraphObservation graph_of(const Durotaxis& environment) {
  return environment.graph();
}

/// Appends the spawn parameters of one more cell.
inline void add_parameters(Action& action, const SpawnParameters& p) {
  for (const float value : {p.gamma, p.alpha, p.noise, p.theta}) {
    action.parameters.push_back(value);
  }
}

/// An episode begun from `colony` on that field.
inline Durotaxis started(const DurotaxisConfig& config, Colony colony = standard_start()) {
  Durotaxis environment(config);
  environment.start(std::move(colony), linear_field());
  return environment;
}

inline TerminationCase ending_of(const StepResult& result) {
  return static_cast<TerminationCase>(result.ending);
}

/// A colony of 8 cells that has spawned 30 times, at random.
inline Colony random_colony(const Substrate& field, RandomStream& stream) {
  Colony colony = initial_colony(8, field, stream);
  for (int i = 0; i < 30; ++i) {
    const auto parent = stream.below(static_cast<std::uint32_t>(colony.size()));
    colony.spawn(static_cast<int>(parent),
                 {5, 2, .1f, static_cast<float>(stream.uniform(-3.0, 3.0))}, field);
  }
  return colony;
}

}  // namespace frost
