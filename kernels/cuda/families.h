#pragma once

#include <memory>

#include "kernels/backend.h"

namespace frost {
class CudaBackend;
}

namespace frost::cuda {

// The families as this backend computes them, each defined in the source file of its name. A family
// refers to the backend that owns it.

std::unique_ptr<ElementwiseKernels> make_elementwise(CudaBackend& backend);
std::unique_ptr<RowKernels> make_rows(CudaBackend& backend);
std::unique_ptr<MatrixKernels> make_matrix(CudaBackend& backend);
std::unique_ptr<NormalizationKernels> make_normalization(CudaBackend& backend);
std::unique_ptr<ConvolutionKernels> make_convolution(CudaBackend& backend);
std::unique_ptr<PoolingKernels> make_pooling(CudaBackend& backend);
std::unique_ptr<AttentionKernels> make_attention(CudaBackend& backend);
std::unique_ptr<OptimizerKernels> make_optimizer(CudaBackend& backend);
std::unique_ptr<LossKernels> make_losses(CudaBackend& backend);
std::unique_ptr<PolicyKernels> make_policy(CudaBackend& backend);

}  // namespace frost::cuda
