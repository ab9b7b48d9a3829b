#include "kernels/cuda/module.h"

#include <cmath>
#include <cstdio>
#include <exception>
#include <memory>
#include <vector>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/runtime/device.h"
#include "kernels/errors.h"

namespace frost {
namespace {

void put(const std::string& text, char* out, std::size_t size) {
  std::snprintf(out, size, "%s", text.c_str());
}

/// One small convolution and one matrix product with known results. cuDNN loads its engine
/// libraries only now, and a broken installation shows here rather than in the first update. TF32
/// admits most engines and computes sums of ones exactly.
void trial_run(CudaBackend& backend) {
  const Conv2dShape shape{2, 6, 6, 8, 8, 3, 3, 1, 0};
  const std::vector<float> ones(2 * 6 * 6 * 8, 1.0f);
  const std::size_t x_bytes = ones.size() * sizeof(float), w_bytes = 8 * 9 * 8 * sizeof(float);
  const std::size_t outputs = 2 * 4 * 4 * 8;
  const TrackedBuffer x(backend, MemoryTag::kWorkspace, x_bytes);
  const TrackedBuffer w(backend, MemoryTag::kWorkspace, w_bytes);
  const TrackedBuffer y(backend, MemoryTag::kWorkspace, outputs * sizeof(float));
  backend.copy_from_host(x.data(), ones.data(), x_bytes);
  backend.copy_from_host(w.data(), ones.data(), w_bytes);
  std::vector<float> result(outputs);
  const auto expect = [&](const char* what, float value) {
    backend.copy_to_host(result.data(), y.data(), outputs * sizeof(float));
    for (const float found : result) {
      if (!(std::abs(found - value) < 1e-3f)) {
        throw Error(std::string("a trial ") + what + " gave " + std::to_string(found) +
                    " instead of " + std::to_string(value));
      }
    }
  };
  backend.configure({MathMode::kTf32, true});
  backend.convolution().conv2d_forward(shape, x.floats(), {w.floats()}, nullptr, nullptr, false,
                                       y.floats());
  if (backend.kernel_report().find(": none: ") != std::string::npos) {
    throw Error("cuDNN cannot run a convolution, is one of its libraries missing? " +
                backend.kernel_report());
  }
  expect("convolution", 72.0f);
  backend.matrix().gemm(false, true, 16, 16, 36, x.floats(), 36, w.floats(), 36,
                        {y.floats(), GradMode::kOverwrite}, 16);
  expect("matrix product", 36.0f);
  backend.configure({});
}

Backend* create(char* reason, std::size_t size) {
  try {
    if (const std::string problem = cuda::device_problem(cuda::probe_device()); !problem.empty()) {
      put(problem, reason, size);
      return nullptr;
    }
    auto backend = std::make_unique<CudaBackend>();
    trial_run(*backend);
    return backend.release();
  } catch (const std::exception& e) {
    put(e.what(), reason, size);
    return nullptr;
  }
}

}  // namespace
}  // namespace frost

extern "C" __attribute__((visibility("default"))) const frost::CudaModule* frost_cuda_module() {
  static const frost::CudaModule module{frost::kInterfaceDigest, frost::create};
  return &module;
}
