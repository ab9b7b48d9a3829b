#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace frost {

/// The process-wide CPU backend, at the level that FROST_ISA names or the fastest that the CPU has
/// (kernels/cpu_levels.h). Throws UsageError for a level that cannot be had.
Backend& cpu_backend();

/// From now on a `new` that fails, on any thread, throws OutOfMemoryError with the CPU backend's
/// table of memory. For programs: the handler is the process's.
void explain_failing_new();

/// The backend for `auto`, `cpu` or `cuda`; `reason` receives one line on the choice.
/// Throws Error when `cuda` is asked for and cannot be had, UsageError for another name.
Backend& select_backend(const std::string& device, std::string& reason);

/// A device and what became of it.
struct BackendStatus {
  std::string device;          ///< "cpu", "cuda"
  Backend* backend = nullptr;  ///< null where it cannot be used
  std::string reason;          ///< why not, in one line
};
/// Every backend this project has, the CPU first. The environment variable FROST_CUDA_MODULE names
/// the CUDA module to use instead of looking for it.
std::vector<BackendStatus> available_backends();

/// Starts the backend of this CUDA module, which stays loaded for the life of the process.
BackendStatus load_cuda_module(const std::filesystem::path& file);
/// Looks for the CUDA module in the folders, in order, and starts its backend.
BackendStatus load_cuda_backend(const std::vector<std::filesystem::path>& folders);
/// The decision of `select_backend`, given what became of CUDA.
Backend& choose_backend(const std::string& device, const BackendStatus& cuda, std::string& reason);
/// "libcudnn.so.9 is missing" for what the dynamic loader says of a module it cannot load.
std::string shorten_loader_error(const std::string& text, const std::filesystem::path& module);

}  // namespace frost
