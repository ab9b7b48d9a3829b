#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rl/replay_environment.h"
#include "tools/config/config.h"

namespace frost {

/// What every row of the freeze benchmark does; recorded once, so that no row depends on a policy.
struct BenchWorkload {
  int environments = 8;
  int steps = 512;  ///< transitions of one update, over all environments
  int epochs = 4;
  int minibatch = 64;  ///< states
  int size = 20;       ///< of every state, in the environment's unit
  int image_size = 84;
  int repetitions = 3;
  std::string pictures;  ///< `describe_pictures`; empty: square ones of one channel
  bool graphs = false;   ///< replay minibatches of equal shapes as CUDA graphs

  std::string text() const;
};

/// What an environment without a section of its own shows, for `BenchWorkload::text`; else empty.
std::string describe_pictures(const Config& config);

/// The configuration's environment as `kind` under its reference policy, one record for each of
/// `environments`, `steps / environments` steps long; an environment with a section of its own is
/// of constant size and seen at the workload's picture side.
std::vector<RecordedEpisodes> record_workload(const BenchWorkload& workload, Config config,
                                              ObservationKind kind);

/// Writes the workload as safetensors, states in order [environment, time], for other programs to
/// do the same work (bench/pytorch): pictures, and graphs of what is seen both ways.
void write_workload(const std::string& path, const BenchWorkload& workload, const Config& config);

}  // namespace frost
