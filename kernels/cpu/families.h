#pragma once

#include <memory>

#include "kernels/backend.h"
#include "kernels/cpu_levels.h"

namespace frost {

class CpuBackend;

// The families as this backend computes them, each defined in the source file of its name. A family
// refers to the backend that owns it.

std::unique_ptr<ElementwiseKernels> make_elementwise(CpuBackend& backend);
std::unique_ptr<RowKernels> make_rows(CpuBackend& backend);
std::unique_ptr<MatrixKernels> make_matrix(CpuBackend& backend);
std::unique_ptr<NormalizationKernels> make_normalization(CpuBackend& backend);
std::unique_ptr<ConvolutionKernels> make_convolution(CpuBackend& backend);
std::unique_ptr<PoolingKernels> make_pooling(CpuBackend& backend);
std::unique_ptr<AttentionKernels> make_attention(CpuBackend& backend);
std::unique_ptr<OptimizerKernels> make_optimizer(CpuBackend& backend);
std::unique_ptr<LossKernels> make_losses(CpuBackend& backend);
std::unique_ptr<PolicyKernels> make_policy(CpuBackend& backend);

/// What a convolution costs with the kernel that its shape gets.
KernelWork conv2d_work(const Conv2dShape& shape);

}  // namespace frost
