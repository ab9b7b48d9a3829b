#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rl/communicator/communicator.h"

namespace frost {

/// The value of an environment variable, or null.
using Variables = std::function<const char*(const char* name)>;

/// How many processes a launcher started together with this one, from what it left in the
/// environment: mpirun of Open MPI or MPICH, or srun with one of Slurm's MPI plugins. 1 without a
/// launcher.
int started_processes(const Variables& variables);

/// The processes that were started together: one alone is a `LocalCommunicator`, for several the
/// MPI module is loaded from one of the folders. Throws Error where that fails or the launcher's
/// number is not MPI's, UsageError where their number is no power of two.
std::unique_ptr<Communicator> join_processes(const Variables& variables,
                                             const std::vector<std::filesystem::path>& folders);
/// The same with this process's environment and the folders where the module is built and
/// installed.
std::unique_ptr<Communicator> join_processes();

}  // namespace frost
