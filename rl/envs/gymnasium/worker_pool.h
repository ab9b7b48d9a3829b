#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "rl/envs/gymnasium/worker.h"

namespace frost {

/// The worker processes of one Python environment, started as environments are asked for.
class WorkerPool {
 public:
  /// Starts the first worker and asks it what its environment is. Throws UsageError where there is
  /// none that can be used.
  WorkerPool(const std::string& environment, const GymnasiumConfig& config);

  /// The pool of this process for this environment. The one asked for last is kept, so that an
  /// evaluation finds the processes of the one before.
  static std::shared_ptr<WorkerPool> shared(const std::string& environment,
                                            const GymnasiumConfig& config);

  const EnvironmentSpec& spec() const { return spec_; }
  const PythonSpaces& spaces() const { return spaces_; }

  /// An environment of the worker that has the fewest in use; it may still be in the making.
  std::unique_ptr<WorkerSlot> take();
  /// Keeps an environment for the next one that is asked for.
  void give_back(std::unique_ptr<WorkerSlot> slot);
  /// Lets vector environments do what was asked of them, those of all workers side by side.
  void flush();
  /// Whether a worker has failed: nothing can be asked of this pool any more.
  bool failed() const;

 private:
  /// A place for a process.
  struct Place {
    std::unique_ptr<Worker> worker;
    std::vector<std::unique_ptr<WorkerSlot>> idle;
    int in_use = 0;
  };

  bool is_of(const std::string& environment, const GymnasiumConfig& config) const {
    return environment_ == environment && config_ == config;
  }

  std::string environment_;
  GymnasiumConfig config_;
  std::string description_;
  PythonSpaces spaces_;
  EnvironmentSpec spec_;
  std::vector<Place> places_;
  mutable std::mutex mutex_;
};

}  // namespace frost
