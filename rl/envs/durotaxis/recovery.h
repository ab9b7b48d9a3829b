#pragma once

#include <array>
#include <optional>

#include "engine/random.h"
#include "rl/envs/durotaxis/colony.h"

namespace frost {

/// Fills an empty colony with the first cells of a second start, joined left to right: around
/// `lost_at`, the centroid of the colony that was lost, or as at the start of an episode where it
/// had none (docs/durotaxis.md, "Recovery"). Throws Error on a colony that still has cells.
void recover(Colony& colony, const std::optional<std::array<double, 2>>& lost_at,
             const Substrate& substrate, const RecoveryConfig& config, RandomStream& stream);

}  // namespace frost
