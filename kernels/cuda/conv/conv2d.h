#pragma once

#include <cudnn.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda/conv/plan_cache.h"
#include "kernels/tracked_buffer.h"

namespace frost {
class CudaBackend;
}

namespace frost::cuda {

/// Convolutions through cuDNN graphs; where no engine keeps to the precision and determinism asked
/// for, as matrix products over unrolled images.
///
/// bf16: cuDNN has ready engines for bfloat16 operands only with a bfloat16 result, and none that
/// adds a float32 bias. So operands are rounded, sums are float32 within the engine, its result is
/// rounded once more, and an own kernel widens it and adds bias and residual in float32.
class CudnnConvolutions {
 public:
  explicit CudnnConvolutions(CudaBackend& backend);
  ~CudnnConvolutions();
  CudnnConvolutions(const CudnnConvolutions&) = delete;
  CudnnConvolutions& operator=(const CudnnConvolutions&) = delete;

  void forward(const Conv2dShape& shape, const float* x, const float* weight, const float* bias,
               const float* residual, bool relu, float* y);
  /// dx is overwritten.
  void backward_data(const Conv2dShape& shape, const float* dy, const float* weight, float* dx);
  /// dweight is overwritten.
  void backward_weight(const Conv2dShape& shape, const float* x, const float* dy, float* dweight);

  /// While alive, remembers the plans that are run; an evicted plan lives on with its last user.
  class PlanUse {
   public:
    explicit PlanUse(CudnnConvolutions& convolutions) : convolutions_(convolutions) {
      convolutions_.used_ = &used_;
    }
    ~PlanUse() { convolutions_.used_ = nullptr; }
    PlanUse(const PlanUse&) = delete;
    PlanUse& operator=(const PlanUse&) = delete;

    const std::vector<std::shared_ptr<const void>>& used() const { return used_; }

   private:
    CudnnConvolutions& convolutions_;
    std::vector<std::shared_ptr<const void>> used_;
  };

  /// Off: every convolution goes the way of unrolled images (a second implementation to test by).
  void use_library(bool on) { use_library_ = on; }
  const std::string& report() const { return plans_.report(); }

 private:
  using Argument = ConvPlan::Argument;

  struct Operand {
    ConvTensor tensor;
    const float* data;
    std::int64_t size;
  };

  /// Whether operands are rounded to bfloat16.
  bool rounds() const;
  bool has_plan(const PlanKey& key);
  /// Whether a plan for the key exists; it is enqueued then.
  bool run(const PlanKey& key, std::span<const Argument> arguments);
  /// The same over rounded operands; gives the result's `size` elements as bfloat16.
  std::optional<TrackedBuffer> run_rounded(const Conv2dShape& shape, PlanKey::Direction direction,
                                           const Operand& a, const Operand& b, ConvTensor result,
                                           std::int64_t size);
  /// The same in the precision asked for, into `size` floats.
  bool run_gradient(const Conv2dShape& shape, PlanKey::Direction direction, const Operand& a,
                    const Operand& b, ConvTensor result, std::int64_t size, float* gradient);
  /// A forward pass whose sums with bias and residual, both nullable, are part of the plan.
  bool run_fused(const Conv2dShape& shape, const float* x, const float* weight, const float* bias,
                 const float* residual, float* y);
  /// Whether this is a dry run, for which what a call holds has been allocated and released.
  bool only_allocates(const Conv2dShape& shape);
  /// Calls fn(images, first, columns) for as many images at a time as the workspace takes.
  template <class Fn>
  void for_image_chunks(const Conv2dShape& shape, const Fn& fn);
  void unrolled_forward(const Conv2dShape& shape, const float* x, const float* weight, float* y);
  void unrolled_backward_data(const Conv2dShape& shape, const float* dy, const float* weight,
                              float* dx);
  void unrolled_backward_weight(const Conv2dShape& shape, const float* x, const float* dy,
                                float* dweight);

  /// Owns the library handle; a member of its own so that a failing constructor leaks nothing.
  struct Handle {
    explicit Handle(cudaStream_t stream);
    ~Handle();
    cudnnHandle_t raw = nullptr;
  };

  CudaBackend& backend_;
  Handle handle_;
  PlanCache plans_;
  bool use_library_ = true;
  std::vector<std::shared_ptr<const void>>* used_ = nullptr;
};

}  // namespace frost::cuda
