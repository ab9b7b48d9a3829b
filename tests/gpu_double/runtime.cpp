#include "tests/gpu_double/runtime.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "tests/gpu_double/memory.h"
#include "tests/gpu_double/settings.h"

// CUDA's runtime as far as kernels/cuda uses it. What CUDA answers with an error is answered so
// here; what it leaves undefined is a `violation`.

namespace frost::gpu_double {
namespace {

constexpr std::size_t kTotalBytes = std::size_t{80} << 30;

/// What a capture does not allow spoils it.
cudaError_t spoil(CUstream_st& stream, cudaError_t error = cudaErrorStreamCaptureUnsupported) {
  stream.invalid = true;
  return failed(error);
}

/// Calls that may wait for the device are allowed only beside relaxed captures.
cudaError_t refuse_beside_captures() {
  for (CUstream_st* const stream : streams()) {
    if (stream->capture != nullptr && stream->mode != cudaStreamCaptureModeRelaxed) {
      return spoil(*stream);
    }
  }
  return cudaSuccess;
}

CUstream_st& checked(cudaStream_t stream) {
  const std::vector<CUstream_st*>& all = streams();
  if (std::find(all.begin(), all.end(), stream) == all.end()) violation("no such stream");
  return *stream;
}

/// The pools that exist, and whose block is whose.
struct Pools {
  std::set<cudaMemPool_t> all;
  std::map<void*, cudaMemPool_t> of_block;
};

Pools& pools() {
  static Pools& never_destroyed = *new Pools;
  return never_destroyed;
}

void drop_pooled(void* data) {
  const auto found = pools().of_block.find(data);
  if (found != pools().of_block.end()) {
    --found->second->live_blocks;
    pools().of_block.erase(found);
  }
  drop(data, MemoryKind::kPool);
}

/// Where the data of a copy must lie, by its direction.
void check_copy(const void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (to_device) require_on_device(to, bytes, "the target of a copy");
  if (from_device) require_on_device(from, bytes, "the source of a copy");
  if (!to_device && on_device(to, 1)) violation("a copy to the host writes to the device");
  if (!from_device && on_device(from, 1)) violation("a copy from the host reads the device");
}

}  // namespace
}  // namespace frost::gpu_double

using namespace frost::gpu_double;

extern "C" {

cudaError_t cudaGetLastError() {
  return take_last_error();
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInsufficientDriver:
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    case cudaErrorIllegalState:
      return "the operation cannot be performed in the present state";
    default:
      return "an error of the double";
  }
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = settings().driver_version;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  if (settings().driver_version < CUDART_VERSION / 1000 * 1000) {
    return failed(cudaErrorInsufficientDriver);
  }
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : failed(cudaErrorInvalidDevice);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return failed(cudaErrorInvalidDevice);
  std::memset(properties, 0, sizeof *properties);
  std::strcpy(properties->name, "a double of a GPU");
  properties->major = 9;
  properties->totalGlobalMem = kTotalBytes;
  properties->warpSize = 32;
  properties->multiProcessorCount = 132;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device != 0) return failed(cudaErrorInvalidDevice);
  if (attribute != cudaDevAttrMemoryPoolsSupported) violation("an attribute that is not modelled");
  *value = 1;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  *total_bytes = kTotalBytes;
  *free_bytes = kTotalBytes - live_bytes();
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  std::memset(attributes, 0, sizeof *attributes);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (flags != cudaStreamNonBlocking) violation("a stream that waits for the default stream");
  *stream = streams().emplace_back(new CUstream_st);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  run_queued(checked(stream), stream->queue.size());
  std::erase(streams(), stream);
  delete stream;
  check_memory();
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  CUstream_st& s = checked(stream);
  if (s.capture != nullptr) return spoil(s);
  run_queued(s, s.queue.size());
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  const CUstream_st& s = checked(stream);
  *status = s.capture == nullptr ? cudaStreamCaptureStatusNone
            : s.invalid          ? cudaStreamCaptureStatusInvalidated
                                 : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  CUstream_st& s = checked(stream);
  if (s.capture != nullptr) return failed(cudaErrorIllegalState);
  s.capture = new CUgraph_st;
  s.mode = mode;
  s.invalid = false;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  CUstream_st& s = checked(stream);
  *graph = nullptr;
  if (s.capture == nullptr) return failed(cudaErrorIllegalState);
  CUgraph_st* const captured = std::exchange(s.capture, nullptr);
  if (s.invalid) {
    delete captured;
    return failed(cudaErrorStreamCaptureInvalidated);
  }
  *graph = captured;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  *executable = new CUgraphExec_st{graph->nodes};
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  CUstream_st& s = checked(stream);
  if (s.capture != nullptr) return spoil(s);
  for (const std::function<void()>& node : executable->nodes) enqueue(stream, node);
  return enqueue(stream, check_memory);  // addresses of a graph outlive what they pointed to
}

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  if (const cudaError_t refused = refuse_beside_captures(); refused != cudaSuccess) return refused;
  *data = take(bytes, MemoryKind::kDevice);
  return *data != nullptr ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void* data) {
  if (data == nullptr) return cudaSuccess;
  if (const cudaError_t refused = refuse_beside_captures(); refused != cudaSuccess) return refused;
  finish_work();
  drop(data, MemoryKind::kDevice);
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned flags) {
  if (flags != cudaHostAllocDefault) violation("host memory of a kind that is not modelled");
  if (const cudaError_t refused = refuse_beside_captures(); refused != cudaSuccess) return refused;
  *data = std::malloc(bytes);
  return *data != nullptr ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

cudaError_t cudaFreeHost(void* data) {
  finish_work();
  std::free(data);
  return cudaSuccess;
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
  if (properties->allocType != cudaMemAllocationTypePinned ||
      properties->location.type != cudaMemLocationTypeDevice || properties->location.id != 0) {
    return failed(cudaErrorInvalidValue);
  }
  *pool = new CUmemPoolHandle_st;
  pools().all.insert(*pool);
  return cudaSuccess;
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  finish_work();
  if (pools().all.erase(pool) == 0) violation("no such pool");
  if (pool->live_blocks != 0) {
    violation("a pool is destroyed while " + std::to_string(pool->live_blocks) +
              " of its blocks are in use");
  }
  delete pool;
  return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr attribute, void*) {
  return attribute == cudaMemPoolAttrReleaseThreshold ? cudaSuccess : failed(cudaErrorInvalidValue);
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, std::size_t) {
  return cudaSuccess;
}

cudaError_t cudaMallocFromPoolAsync(void** data, std::size_t bytes, cudaMemPool_t pool,
                                    cudaStream_t stream) {
  CUstream_st& s = checked(stream);
  if (!pools().all.contains(pool)) violation("no such pool");
  if (s.capture != nullptr) return spoil(s);
  *data = take(bytes, MemoryKind::kPool);
  if (*data == nullptr) return failed(cudaErrorMemoryAllocation);
  pools().of_block[*data] = pool;
  ++pool->live_blocks;
  return cudaSuccess;
}

cudaError_t cudaFreeAsync(void* data, cudaStream_t stream) {
  CUstream_st& s = checked(stream);
  // A free node takes only what an allocation node of a graph gave.
  if (s.capture != nullptr) return spoil(s, cudaErrorInvalidValue);
  return enqueue(stream, [data] { drop_pooled(data); });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  CUstream_st& s = checked(stream);
  check_copy(to, from, bytes, kind);
  if (s.capture != nullptr && kind != cudaMemcpyDeviceToDevice) return spoil(s);
  // Host memory is read when the copy runs: some machines read it in place, pageable or not.
  return enqueue(stream, [=] {
    check_copy(to, from, bytes, kind);
    std::memcpy(to, from, bytes);
  });
}

cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  require_on_device(data, bytes, "the target of a memset");
  return enqueue(stream, [=] {
    require_on_device(data, bytes, "the target of a memset");
    std::memset(data, value, bytes);
  });
}

cudaError_t cudaMemset2DAsync(void* data, std::size_t pitch, int value, std::size_t width,
                              std::size_t height, cudaStream_t stream) {
  if (height == 0 || width == 0) return cudaSuccess;
  if (pitch < width) return failed(cudaErrorInvalidValue);
  const std::size_t span = pitch * (height - 1) + width;
  require_on_device(data, span, "the target of a memset");
  return enqueue(stream, [=] {
    require_on_device(data, span, "the target of a memset");
    for (std::size_t row = 0; row < height; ++row) {
      std::memset(static_cast<char*>(data) + row * pitch, value, width);
    }
  });
}

}  // extern "C"
