#pragma once

#include <cuda_runtime_api.h>

#include "tests/gpu_double/cudnn/values.h"

namespace frost::gpu_double::cudnn {

/// Enqueues the plan on these pointers; the work keeps all it needs. Everything is checked at the
/// call: throws Refusal for a missing, foreign or misaligned tensor or no workspace; memory that is
/// not the device's, or results that overlap other memory of the call, are a `violation`.
void execute(cudaStream_t stream, const Plan& plan, const VariantPack& pack);

}  // namespace frost::gpu_double::cudnn
