#include "kernels/backend_registry.h"

#include <dlfcn.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "kernels/cpu_levels.h"
#include "kernels/cuda/module.h"
#include "kernels/errors.h"
#include "kernels/out_of_memory.h"

namespace frost {
namespace {

/// Of the CPU backend, once there is one: a handler of failing `new` must not make it.
std::atomic<const MemoryLedger*> host_ledger = nullptr;

std::vector<std::filesystem::path> module_folders() {
  std::vector<std::filesystem::path> folders;
  std::error_code none;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", none);
  if (!none) {
    folders.push_back(program.parent_path());
    folders.push_back(program.parent_path().parent_path() / "lib");
  }
  // Where it is built, and where it is installed for programs that use the libraries.
  folders.push_back(FROST_CUDA_MODULE_DIR);
  folders.push_back(FROST_CUDA_INSTALL_DIR);
  return folders;
}

const BackendStatus& cuda_backend() {
  static const BackendStatus status = [] {
    const char* const named = std::getenv("FROST_CUDA_MODULE");
    if (named == nullptr || *named == '\0') return load_cuda_backend(module_folders());
    return load_cuda_module(named);
  }();
  return status;
}

}  // namespace

Backend& cpu_backend() {
  static Backend& backend = [&]() -> Backend& {
    Backend& chosen = cpu_backend_at(chosen_cpu_level());
    host_ledger = &chosen.ledger();
    return chosen;
  }();
  return backend;
}

void explain_failing_new() {
  std::set_new_handler([] {
    const MemoryLedger* const ledger = host_ledger;
    throw OutOfMemoryError("out of memory",
                           ledger == nullptr ? MemoryLedger::Bytes() : ledger->snapshot());
  });
}

std::string shorten_loader_error(const std::string& text, const std::filesystem::path& module) {
  // "libcudnn.so.9: cannot open shared object file: No such file or directory"
  const std::size_t colon = text.find(": ");
  if (colon != std::string::npos && text.find("cannot open shared object file") == colon + 2) {
    return std::filesystem::path(text.substr(0, colon)).filename().string() + " is missing";
  }
  const std::string prefix = module.string() + ": ";
  return module.filename().string() + ": " +
         (text.starts_with(prefix) ? text.substr(prefix.size()) : text);
}

BackendStatus load_cuda_module(const std::filesystem::path& file) {
  const auto unusable = [](std::string reason) {
    return BackendStatus{"cuda", nullptr, std::move(reason)};
  };
  std::error_code none;
  if (!std::filesystem::exists(file, none)) return unusable(file.string() + " does not exist");
  // With a slash in its name, the loader takes this file and searches for none.
  void* const library = dlopen(std::filesystem::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return unusable(shorten_loader_error(dlerror(), file));
  const auto entry = reinterpret_cast<CudaModuleEntry>(dlsym(library, kCudaModuleEntry));
  if (entry == nullptr) return unusable(file.string() + " is not a module of this project");
  const CudaModule* const module = entry();
  if (std::strcmp(module->interface_digest, kInterfaceDigest) != 0) {
    return unusable(file.string() + " belongs to another version: rebuild it");
  }
  std::array<char, 4096> reason{};
  Backend* const backend = module->create(reason.data(), reason.size());
  return backend == nullptr ? unusable(reason.data()) : BackendStatus{"cuda", backend, ""};
}

BackendStatus load_cuda_backend(const std::vector<std::filesystem::path>& folders) {
  for (const std::filesystem::path& folder : folders) {
    const std::filesystem::path file = folder / kCudaModuleFile;
    std::error_code none;
    if (std::filesystem::exists(file, none)) return load_cuda_module(file);
  }
  return {"cuda", nullptr, "the CUDA module was not built (" + std::string(kCudaModuleFile) + ")"};
}

Backend& choose_backend(const std::string& device, const BackendStatus& cuda, std::string& reason) {
  if (cuda.backend != nullptr) {
    reason = cuda.backend->description();
    return *cuda.backend;
  }
  if (device == "cuda") {
    throw Error("device 'cuda' cannot be used: " + cuda.reason + "; use 'auto' or 'cpu'");
  }
  reason = cpu_backend().description() + "; no CUDA: " + cuda.reason;
  return cpu_backend();
}

Backend& select_backend(const std::string& device, std::string& reason) {
  if (device == "auto" || device == "cuda") return choose_backend(device, cuda_backend(), reason);
  if (device != "cpu") throw UsageError("unknown device '" + device + "': use auto, cpu or cuda");
  reason = cpu_backend().description();
  return cpu_backend();
}

std::vector<BackendStatus> available_backends() {
  return {{"cpu", &cpu_backend(), ""}, cuda_backend()};
}

}  // namespace frost
