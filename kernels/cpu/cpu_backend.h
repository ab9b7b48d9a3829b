#pragma once

#include <memory>

#include "kernels/backend.h"
#include "kernels/caching_allocator.h"
#include "kernels/cpu/families.h"

namespace frost {

/// The CPU backend at one instruction level. float32 only.
///
/// All kernels share one thread budget (kernels/parallel_for.h). Calls come from one thread at a
/// time.
class CpuBackend final : public Backend {
 public:
  /// `level` names the level it is compiled for; kept, not copied.
  explicit CpuBackend(const char* level);

  std::string description() const override;
  void configure(const ComputeOptions& options) override;
  const ComputeOptions& options() const { return options_; }
  void* allocate(std::size_t bytes) override;
  void release(void* data) override;
  void copy_to_host(void* dst, const void* src, std::size_t bytes) override;
  void copy_from_host(void* dst, const void* src, std::size_t bytes) override;
  void copy(void* dst, const void* src, std::size_t bytes) override;
  void fill_zero(void* data, std::size_t bytes) override;
  bool host_readable() const override { return true; }
  std::int64_t preferred_batch() const override { return 256; }
  std::int64_t fixed_batch() const override { return 8; }
  ElementwiseKernels& elementwise() override { return *elementwise_; }
  RowKernels& rows() override { return *rows_; }
  MatrixKernels& matrix() override { return *matrix_; }
  NormalizationKernels& normalization() override { return *normalization_; }
  ConvolutionKernels& convolution() override { return *convolution_; }
  PoolingKernels& pooling() override { return *pooling_; }
  AttentionKernels& attention() override { return *attention_; }
  OptimizerKernels& optimizer() override { return *optimizer_; }
  LossKernels& losses() override { return *losses_; }
  PolicyKernels& policy() override { return *policy_; }

 private:
  const char* level_;
  ComputeOptions options_;
  CachingAllocator allocator_;  // outlives what the families keep
  std::unique_ptr<ElementwiseKernels> elementwise_ = make_elementwise(*this);
  std::unique_ptr<RowKernels> rows_ = make_rows(*this);
  std::unique_ptr<MatrixKernels> matrix_ = make_matrix(*this);
  std::unique_ptr<NormalizationKernels> normalization_ = make_normalization(*this);
  std::unique_ptr<ConvolutionKernels> convolution_ = make_convolution(*this);
  std::unique_ptr<PoolingKernels> pooling_ = make_pooling(*this);
  std::unique_ptr<AttentionKernels> attention_ = make_attention(*this);
  std::unique_ptr<OptimizerKernels> optimizer_ = make_optimizer(*this);
  std::unique_ptr<LossKernels> losses_ = make_losses(*this);
  std::unique_ptr<PolicyKernels> policy_ = make_policy(*this);
};

}  // namespace frost
