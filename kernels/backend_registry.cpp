#include "kernels/backend_registry.h"

#include <omp.h>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/status.h"

namespace frost {

Backend& cpu_backend() {
  // Leaked on purpose: tensors with static lifetime may outlive any destruction order.
  static Backend* const backend = new CpuBackend;
  return *backend;
}

Backend& select_backend(const std::string& device, std::string& reason) {
  if (device == "cuda") {
    throw Error("device 'cuda' cannot be used: this build holds no CUDA backend; use 'auto' or 'cpu'");
  }
  if (device != "auto" && device != "cpu") {
    throw UsageError("unknown device '" + device + "': use auto, cpu or cuda");
  }
  reason = cpu_backend().description();
  if (device == "auto") reason += "; this build holds no CUDA backend";
  return cpu_backend();
}

void set_thread_budget(int threads) {
  if (threads > 0) omp_set_num_threads(threads);
}

int thread_budget() { return omp_get_max_threads(); }

}  // namespace frost
