#pragma once

#include <cstdint>
#include <vector>

#include "rl/environment.h"
#include "rl/envs/durotaxis/colony.h"
#include "rl/envs/durotaxis/durotaxis_config.h"
#include "rl/envs/durotaxis/substrate.h"

namespace frost {

/// Colonies of this size or smaller may not delete (docs/durotaxis.md, "Action mask").
inline constexpr int kNoDeleteSize = 2;

/// Widths of the features of a cell, of the colony and of an edge. A cell has one more where marks
/// are observed.
inline constexpr int kNodeFeatures = 11, kGraphFeatures = 19, kEdgeFeatures = 3;

/// The outer cells: corners of the convex hull, and its area.
struct Hull {
  std::vector<std::uint8_t> outer;  ///< [N]
  double area = 0.0;                ///< 0 for fewer than 3 cells and collinear ones
};

/// Convex hull by Andrew's monotone chain ("Another efficient algorithm for convex hulls in two
/// dimensions", 1979).
///
/// Cells on an edge are not corners. Fewer than 3 cells: all are outer. All on one line: the first
/// cells with least x, largest x, least y, largest y. Cells at one point: the first of them counts.
Hull convex_hull(const std::vector<Cell>& cells);

/// Features of a node, with the mark where it is observed.
int node_feature_count(const DurotaxisConfig& config);

/// The observation of a colony, in model units if `config.normalize_observation`, else raw
/// (docs/durotaxis.md, "Observation"). Edges are listed by ascending target.
GraphObservation extract_features(const Colony& colony, const Substrate& substrate,
                                  const DurotaxisConfig& config);

}  // namespace frost
