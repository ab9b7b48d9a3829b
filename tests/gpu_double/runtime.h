#pragma once

#include <cuda_runtime_api.h>

#include <deque>
#include <functional>
#include <vector>

#include "tests/gpu_double/stream.h"

// What CUDA's opaque handles point to.

struct CUgraph_st {
  std::vector<std::function<void()>> nodes;
};

struct CUgraphExec_st {
  std::vector<std::function<void()>> nodes;
};

struct CUstream_st {
  std::deque<std::function<void()>> queue;  ///< not yet run
  CUgraph_st* capture = nullptr;            ///< while it captures
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  bool invalid = false;  ///< the capture has been spoilt
};

struct CUmemPoolHandle_st {
  std::size_t live_blocks = 0;
};

namespace frost::gpu_double {

/// All that exist.
std::vector<CUstream_st*>& streams();
/// Runs at most so many pieces of a stream's work.
void run_queued(CUstream_st& stream, std::size_t most);
cudaError_t take_last_error();

}  // namespace frost::gpu_double
