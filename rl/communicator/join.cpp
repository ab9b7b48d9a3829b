#include "rl/communicator/join.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "rl/communicator/mpi/module.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

int number(const char* text) {
  return text == nullptr ? 0 : std::atoi(text);
}

[[noreturn]] void refuse(int processes, const std::string& why) {
  throw Error(fmt::format(
      "{} processes were started together, but MPI cannot be used: {}; start one process, or build "
      "with MPI (Debian: libopenmpi-dev) and start them with the mpirun of the same MPI",
      processes, why));
}

fs::path find_module(const std::vector<fs::path>& folders, int processes) {
  for (const fs::path& folder : folders) {
    std::error_code none;
    if (fs::exists(folder / kMpiModuleFile, none)) return folder / kMpiModuleFile;
  }
  refuse(processes, fmt::format("its module was not built ({})", kMpiModuleFile));
}

const MpiModule& load_module(const fs::path& file, int processes) {
  // Its own plugins look for the names of MPI.
  void* const library = dlopen(fs::absolute(file).c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) refuse(processes, shorten_loader_error(dlerror(), fs::absolute(file)));
  const auto entry = reinterpret_cast<MpiModuleEntry>(dlsym(library, kMpiModuleEntry));
  if (entry == nullptr) refuse(processes, file.string() + " is not a module of this project");
  const MpiModule* const module = entry();
  if (std::strcmp(module->digest, kMpiDigest) != 0) {
    refuse(processes, file.string() + " belongs to another version: rebuild it");
  }
  return *module;
}

}  // namespace

int started_processes(const Variables& variables) {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const int processes = number(variables(name)); processes > 0) return processes;
  }
  // A script of sbatch has SLURM_NTASKS, too, but is no task: srun gives a rank as well.
  for (const char* rank : {"PMI_RANK", "PMIX_RANK"}) {
    if (variables(rank) != nullptr) return std::max(1, number(variables("SLURM_NTASKS")));
  }
  return 1;
}

std::unique_ptr<Communicator> join_processes(const Variables& variables,
                                             const std::vector<fs::path>& folders) {
  const int processes = started_processes(variables);
  if (processes == 1) return std::make_unique<LocalCommunicator>();
  if (!std::has_single_bit(static_cast<unsigned>(processes))) {
    throw UsageError(fmt::format(
        "{} processes were started together: start a power of two of them (2, 4, 8, ...)",
        processes));
  }
  const MpiModule& module = load_module(find_module(folders, processes), processes);
  std::array<char, 1024> reason{};
  std::unique_ptr<Communicator> communicator(module.join(reason.data(), reason.size()));
  if (communicator == nullptr) refuse(processes, reason.data());
  if (communicator->size() != processes) {
    refuse(processes, fmt::format("it sees {}: {} belongs to another MPI than the launcher",
                                  communicator->size(), kMpiModuleFile));
  }
  return communicator;
}

std::unique_ptr<Communicator> join_processes() {
  const Variables variables = [](const char* name) { return std::getenv(name); };
  std::error_code none;
  const fs::path program = fs::read_symlink("/proc/self/exe", none);
  std::vector<fs::path> folders;
  if (!none) folders = {program.parent_path(), program.parent_path().parent_path() / "lib"};
  folders.insert(folders.end(), {FROST_MPI_MODULE_DIR, FROST_MPI_INSTALL_DIR});
  return join_processes(variables, folders);
}

}  // namespace frost
