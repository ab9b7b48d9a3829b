#pragma once

#include <cuda_runtime_api.h>

#include <functional>

namespace frost::gpu_double {

/// Work of a stream: run at once, or when somebody waits (`Settings::asynchronous`), or kept in the
/// graph that the stream is capturing. What it captured by value is what a replay sees.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);

/// The same for a kernel or the call of a library, which is not computed where the double is idle
/// (`Settings::idle_after`).
cudaError_t enqueue_computation(cudaStream_t stream, std::function<void()> work);
/// Whether nothing is computed any more.
bool idle();

/// Runs all that is queued, in order.
void finish_work();

/// Remembers the error for cudaGetLastError and returns it.
cudaError_t failed(cudaError_t error);

}  // namespace frost::gpu_double
