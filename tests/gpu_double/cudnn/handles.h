#pragma once

#include <cudnn.h>

namespace frost::gpu_double::cudnn {

// All throw Refusal where the handle is null or there is no GPU to have one on; a handle that was
// destroyed or never created is a `violation`.
cudnnHandle_t create_handle();
void destroy_handle(cudnnHandle_t handle);
void set_stream(cudnnHandle_t handle, cudaStream_t stream);
cudaStream_t stream_of(cudnnHandle_t handle);

}  // namespace frost::gpu_double::cudnn
