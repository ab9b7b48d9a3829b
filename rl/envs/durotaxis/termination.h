#pragma once

#include <cstddef>

namespace frost {

/// What a step earns, in the order of the critic's value heads behind the total.
enum ColonyReward : std::size_t { kGraph = 1, kSpawn, kDelete, kEdge, kNode, kColonyRewards };

/// Why an episode ended; docs/durotaxis.md, "Termination".
enum class TerminationCase : int {
  kRunning = 0,
  kTooManyNodes = 1,
  kNoNodes = 2,
  kOutOfBounds = 3,
  kLeftwardDrift = 4,
  kSuccess = 5,
  kTimeLimit = 6,
};

}  // namespace frost
