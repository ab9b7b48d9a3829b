#include "tests/gpu_double/cudnn/handles.h"

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "tests/gpu_double/cudnn/status.h"
#include "tests/gpu_double/settings.h"

/// What a cudnnHandle_t points to.
struct cudnnContext {
  cudaStream_t stream = nullptr;
};

namespace frost::gpu_double::cudnn {
namespace {

constexpr int kOldestDriver = 12000;

// Never destroyed: a program's own statics may destroy handles at its end.
std::mutex& mutex() {
  static auto& only = *new std::mutex;
  return only;
}
std::map<cudnnHandle_t, std::unique_ptr<cudnnContext>>& living() {
  static auto& all = *new std::map<cudnnHandle_t, std::unique_ptr<cudnnContext>>;
  return all;
}

/// The caller holds the lock.
cudnnContext& find(cudnnHandle_t handle) {
  if (handle == nullptr) refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the handle is null");
  const auto found = living().find(handle);
  if (found == living().end()) {
    violation("cuDNN: a handle is used that was destroyed or never created");
  }
  return *found->second;
}

}  // namespace

cudnnHandle_t create_handle() {
  if (settings().driver_version == 0) refuse(CUDNN_STATUS_NOT_INITIALIZED, "no driver is loaded");
  if (settings().driver_version < kOldestDriver) {
    refuse(CUDNN_STATUS_NOT_SUPPORTED_INCOMPATIBLE_CUDA_DRIVER, "the driver is older than CUDA 12");
  }
  auto made = std::make_unique<cudnnContext>();
  const std::lock_guard lock(mutex());
  const cudnnHandle_t handle = made.get();
  living()[handle] = std::move(made);
  return handle;
}

void destroy_handle(cudnnHandle_t handle) {
  const std::lock_guard lock(mutex());
  find(handle);
  living().erase(handle);
}

void set_stream(cudnnHandle_t handle, cudaStream_t stream) {
  const std::lock_guard lock(mutex());
  find(handle).stream = stream;
}

cudaStream_t stream_of(cudnnHandle_t handle) {
  const std::lock_guard lock(mutex());
  return find(handle).stream;
}

}  // namespace frost::gpu_double::cudnn
