#pragma once

#include <semaphore.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "rl/envs/gymnasium/gymnasium_config.h"
#include "rl/envs/gymnasium/python_spaces.h"
#include "rl/envs/gymnasium/shared_memory.h"
#include "rl/envs/gymnasium/worker_process.h"

namespace frost {

/// What a slot asks of its worker; the numbers are worker.py's. `kIdle` is never asked: nobody has
/// the slot.
enum class SlotCommand : std::int32_t { kMake, kReset, kStep, kSave, kLoad, kIdle };

/// The head of a slot in shared memory; the action and the observation follow.
struct SlotHeader {
  sem_t done;
  std::int32_t command, status, terminated, truncated;
  std::int32_t follows;          ///< the episode to begin comes after the end of one
  std::int32_t sub_environment;  ///< its place in a vector environment; -1: it is in none
  double reward;
  std::uint64_t seed, steps, bytes;
  char text[1024];  ///< what went wrong, where `status` is not 0
};

/// Where the parts of a slot lie, in bytes from its beginning.
struct SlotLayout {
  SlotLayout() = default;
  explicit SlotLayout(const PythonSpaces& spaces);

  std::size_t decisions = 0, parameters = 0, values = 0, pixels = 0, bytes = 0;
};

struct WorkerHeader;
class WorkerSlot;

/// A Python process with any number of environments, a slot in shared memory each.
///
/// Slots may be used from several threads, one at a time each.
class Worker {
 public:
  /// Starts the process and does not wait for it. Throws UsageError where there is no interpreter.
  Worker(const std::string& environment, const GymnasiumConfig& config, int number);
  ~Worker();

  /// What it says of its environment, as lines. Throws UsageError where it has none, or none that
  /// can be used.
  std::string describe();
  /// Lets it serve slots. `description` is what `describe` gave of the first worker: one that says
  /// another thing fails when it is first waited for.
  void serve(const PythonSpaces& spaces, const std::string& description);

  /// A slot with a new environment, which may still be in the making.
  std::unique_ptr<WorkerSlot> make_slot();
  /// Lets vector environments do what slots have asked for since the last call. Others do it when
  /// they are asked.
  void flush();
  int slots() const { return slots_; }
  bool failed() const { return failed_; }

 private:
  friend class WorkerSlot;

  void ring(std::uint32_t word, bool wake = true);
  void wait(WorkerSlot& slot);
  void require_ready();
  WorkerProcess::Deadline deadline() const;
  [[noreturn]] void fail_with(const std::string& cause);

  std::string environment_;
  GymnasiumConfig config_;
  int number_;
  Descriptor memory_;
  std::unique_ptr<SharedMapping> header_mapping_;
  WorkerHeader* header_ = nullptr;
  std::unique_ptr<WorkerProcess> process_;
  PythonSpaces spaces_;
  SlotLayout layout_;
  std::string expected_;  ///< description that is still to come
  std::mutex ring_, ready_, payloads_;
  std::uint32_t turn_ = 0, unheard_ = 0;  ///< words in the ring; those that nobody was woken for
  int slots_ = 0;
  std::atomic<bool> asked_ = false, failed_ = false;
};

/// One Python environment.
class WorkerSlot {
 public:
  WorkerSlot(Worker& worker, int index);

  /// Asks for `command` and returns at once; waits for the one before, if it is still at work.
  void begin(SlotCommand command);
  /// Waits for what was begun, if anything was. Throws Error where the worker or its environment
  /// has failed.
  void finish();
  bool busy() const { return busy_; }

  /// Saves or restores the environment's own bytes.
  std::vector<std::uint8_t> save();
  void load(const std::vector<std::uint8_t>& state);
  /// Ends the worker. Throws Error that names it, and the sub-environment.
  [[noreturn]] void fail_with(const std::string& cause);

  Worker& worker() const { return worker_; }
  SlotHeader& header() const { return *reinterpret_cast<SlotHeader*>(memory_.data()); }
  std::span<std::int32_t> decisions() const;
  std::span<float> parameters() const;
  std::span<float> values() const;
  std::span<std::uint8_t> pixels() const;

 private:
  friend class Worker;

  template <typename T>
  std::span<T> part(std::size_t offset, std::size_t count) const {
    return {reinterpret_cast<T*>(memory_.data() + offset), count};
  }

  Worker& worker_;
  std::uint32_t index_;
  SharedMapping memory_;
  bool busy_ = false;
};

}  // namespace frost
