#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "rl/envs/gymnasium/descriptor.h"

namespace frost {

/// A Python process that executes `kWorkerScript`, and the socket to it.
///
/// It is in a process group of its own, so that what a terminal sends does not reach it, and the
/// system kills it and its children when this process ends, however that comes.
class WorkerProcess {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Starts `python`. The script gets `arguments`, then the numbers of its descriptors: the shared
  /// memory, the socket, and a pipe that closes when this process ends. Throws Error.
  WorkerProcess(const std::string& python, const std::vector<std::string>& arguments,
                const Descriptor& memory);
  /// Kills what still runs.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// How the process ended, as in "was killed by signal 9"; empty while it runs.
  std::string ending();
  /// The same where it ends before `deadline`.
  std::string ending(Deadline deadline);
  /// Ends it and its children now.
  void kill();

  /// The next line of the socket without its end; none where the process has closed it or nothing
  /// has come by `deadline`.
  std::optional<std::string> read_line(Deadline deadline);
  /// So many bytes; false as above.
  bool read(void* data, std::size_t bytes, Deadline deadline);
  bool write(const void* data, std::size_t bytes, Deadline deadline);

 private:
  void start(const std::string& python, std::vector<std::string> arguments, int script, int memory,
             int socket, int lifeline);
  bool wait_for(short events, Deadline deadline) const;

  Descriptor socket_, lifeline_;
  pid_t pid_ = -1;
  std::mutex ending_lock_;  ///< several threads may wait for one process
  std::string ending_;
};

}  // namespace frost
