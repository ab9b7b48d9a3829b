#pragma once

#include <cudnn.h>

#include <memory>
#include <string>
#include <vector>

#include "kernels/cuda/conv/cudnn_graph.h"
#include "kernels/cuda/conv/engine_choice.h"
#include "kernels/cuda/conv/plan_key.h"

namespace frost::cuda {

/// Most workspace a convolution plan may use.
inline constexpr std::int64_t kWorkspaceCeiling = std::int64_t{256} << 20;

/// Names of the tensors of a convolution graph. For a gradient kX is dx, kWeight is dw, kY is dy.
enum ConvTensor : std::int64_t { kX = 1, kWeight, kY, kBias, kResidual };

/// The operations of one convolution and what they refer to, without a handle: needs no device.
///
/// Forward: y = conv(x, w) + residual + bias, each part as the key's epilogue says; the order is
/// the one of cuDNN's ready-made fused engines.
class ConvOperations {
 public:
  /// Throws Error where cuDNN rejects a descriptor.
  explicit ConvOperations(const PlanKey& key);

  const std::vector<const Descriptor*>& operations() const { return operations_; }

 private:
  const Descriptor& keep(Descriptor descriptor);
  /// y = x + b
  const Descriptor& add(const Descriptor& x, const Descriptor& b, const Descriptor& y);
  void convolution(const PlanKey& key, const Descriptor& x, const Descriptor& w,
                   const Descriptor& y);

  std::vector<std::unique_ptr<Descriptor>> parts_;
  std::vector<const Descriptor*> operations_;
};

/// A convolution that can be executed any number of times.
class ConvPlan {
 public:
  struct Argument {
    ConvTensor tensor;
    const void* data;
  };

  ConvPlan(std::unique_ptr<ConvOperations> operations, Descriptor graph, Descriptor config,
           Descriptor plan, EngineTraits engine, std::int64_t workspace_bytes);

  std::size_t workspace_bytes() const { return static_cast<std::size_t>(workspace_bytes_); }
  const EngineTraits& engine() const { return engine_; }

  /// Enqueues the convolution on the handle's stream.
  void run(cudnnHandle_t handle, std::span<const Argument> arguments, void* workspace) const;

 private:
  std::unique_ptr<ConvOperations> operations_;
  Descriptor graph_, config_, plan_;  ///< a plan may refer to what it was made from
  EngineTraits engine_;
  std::int64_t workspace_bytes_;
};

/// Where a plan is to run: on a handle's device, or on a device that is only described
/// (`device_properties`, cuDNN 9.8 or later), which allows planning without a GPU.
struct PlanTarget {
  cudnnHandle_t handle = nullptr;
  const Descriptor* device = nullptr;
};

/// A finalized device description from cuDNN's own JSON form.
Descriptor device_properties(const std::string& json);

/// The plan cuDNN's heuristics prefer among those the key's options permit and whose workspace is
/// within the ceiling; null where there is none, with the cause in `why`.
/// Throws Error where cuDNN fails otherwise than by not supporting an unfused convolution.
std::unique_ptr<ConvPlan> build_conv_plan(const PlanTarget& target, const PlanKey& key,
                                          std::string& why);

}  // namespace frost::cuda
