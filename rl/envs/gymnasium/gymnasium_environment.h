#pragma once

#include <memory>

#include "rl/environment.h"
#include "rl/envs/gymnasium/worker_pool.h"

namespace frost {

/// A Python environment with Gymnasium's interface, or one of a vector environment, in a worker
/// process.
///
/// Its step is begun by `begin_step` and works in the other process meanwhile; those of a vector
/// environment must all be begun before one is finished. Where it has `get_state() -> bytes` and
/// `set_state(bytes)`, its state is saved by them.
class GymnasiumEnvironment : public Environment {
 public:
  explicit GymnasiumEnvironment(std::shared_ptr<WorkerPool> pool);
  ~GymnasiumEnvironment() override;

  void begin_reset(std::uint64_t episode_seed) override;
  /// Resets it by the seed folded to 31 bits. This and `step` throw Error where the environment
  /// raises, gives what its spaces do not hold or what is not finite, does not answer in time, or
  /// its process ends.
  void reset(std::uint64_t episode_seed) override;
  void begin_step(const Action& action) override;
  StepResult step(const Action& action) override;
  Observation observe() const override;
  int episode_steps() const override { return steps_; }
  /// The share of the time limit that has passed, where it has one.
  double progress() const override;
  /// At most its own limit. Throws UsageError for more, and in a vector environment that cannot
  /// begin an episode before it has ended one.
  void limit_time(int steps) override;
  std::vector<std::uint8_t> save_state() const override;
  void load_state(const std::vector<std::uint8_t>& bytes) override;

 private:
  void finish();
  void require_finite() const;

  std::shared_ptr<WorkerPool> pool_;
  std::unique_ptr<WorkerSlot> slot_;
  std::optional<SlotCommand> begun_;  ///< a reset or a step whose answer was not taken
  bool running_ = false;
  int steps_ = 0;
  std::uint64_t seed_ = 0;  ///< as given to the environment
};

}  // namespace frost
