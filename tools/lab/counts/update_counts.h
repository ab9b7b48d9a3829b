#pragma once

#include <string>
#include <vector>

#include "kernels/counts/device_counts.h"
#include "rl/ppo/ppo.h"

namespace frost {

/// What a device is asked to do for an update of PPO, and for parts of it.
struct UpdateCounts {
  DeviceCounts update;     ///< collecting, advantages, all minibatches
  DeviceCounts step;       ///< one step of all environments, the last, with encoding
  DeviceCounts encode;     ///< the frozen prefix for one such step; zeros where there is none
  DeviceCounts minibatch;  ///< that of fewest launches: none that is recorded, or begins the update
  DeviceCounts adam;       ///< norms, clipping and the step of one minibatch, eagerly
  std::string precision = "fp32";  ///< that the device computed in

  struct Part {
    const char* name;
    DeviceCounts UpdateCounts::*counts;
  };
  static const std::vector<Part>& parts();
};

/// Runs one update of `training`, made of these and of `config`, and counts it. Then encodes what
/// is seen, and makes one more step of the optimizer on the gradients that are there.
/// Throws UsageError where the device does not count.
UpdateCounts count_update(Ppo& training, PolicyNetwork& network, Adam& optimizer,
                          const VectorEnvironment& environments, const PpoConfig& config);

}  // namespace frost
