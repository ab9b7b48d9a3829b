#include "kernels/cuda/runtime/stream.h"

#include <cstring>

#include "kernels/counts/device_count_fields.h"
#include "kernels/cuda/runtime/cuda_check.h"
#include "kernels/errors.h"
#include "kernels/round_up.h"

namespace frost::cuda {
namespace {

std::int64_t count_of(std::size_t bytes) {
  return static_cast<std::int64_t>(bytes);
}

}  // namespace

Stream::Stream(int device) {
  FROST_CUDA(cudaSetDevice(device));
  FROST_CUDA(cudaStreamCreateWithFlags(&raw_, cudaStreamNonBlocking));
  void* staging = nullptr;
  const cudaError_t status = cudaHostAlloc(&staging, kStagingBytes, cudaHostAllocDefault);
  if (status != cudaSuccess) FROST_CUDA_NOTHROW(cudaStreamDestroy(raw_));
  FROST_CUDA(status);
  staging_ = static_cast<std::byte*>(staging);
}

Stream::~Stream() {
  FROST_CUDA_NOTHROW(cudaStreamDestroy(raw_));
  FROST_CUDA_NOTHROW(cudaFreeHost(staging_));
}

void Stream::upload(void* dst, const void* src, std::size_t bytes) {
  if (enqueued_ != &counts_) fail("cuda", "a copy from the host cannot be recorded");
  const bool fits = bytes <= kStagingBytes;
  const void* const from = fits ? stage(src, bytes) : src;
  FROST_CUDA(cudaMemcpyAsync(dst, from, bytes, cudaMemcpyHostToDevice, raw_));
  ++counts_.uploads;
  counts_.bytes_uploaded += count_of(bytes);
  if (!fits) wait();
}

const void* Stream::stage(const void* src, std::size_t bytes) {
  constexpr std::size_t kStep = 64;
  static_assert(kStagingBytes % kStep == 0);
  if (bytes > kStagingBytes - staged_) wait();
  std::byte* const place = staging_ + staged_;
  std::memcpy(place, src, bytes);
  staged_ += round_up(bytes, kStep);
  return place;
}

void Stream::download(void* dst, const void* src, std::size_t bytes) {
  FROST_CUDA(cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToHost, raw_));
  ++counts_.downloads;
  counts_.bytes_downloaded += count_of(bytes);
  wait();
}

void Stream::copy(void* dst, const void* src, std::size_t bytes) {
  FROST_CUDA(cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToDevice, raw_));
  count(enqueued_->copies, {count_of(bytes), count_of(bytes)});
}

void Stream::fill(void* data, int byte, std::size_t bytes) {
  FROST_CUDA(cudaMemsetAsync(data, byte, bytes, raw_));
  count(enqueued_->fills, {0, count_of(bytes)});
}

void Stream::fill_rows(void* data, std::size_t stride, std::size_t bytes, std::size_t rows) {
  FROST_CUDA(cudaMemset2DAsync(data, stride, 0, bytes, rows, raw_));
  count(enqueued_->fills, {0, count_of(bytes * rows)});
}

void Stream::wait() {
  FROST_CUDA(cudaStreamSynchronize(raw_));
  ++counts_.waits;
  staged_ = 0;
}

void Stream::replay(cudaGraphExec_t graph, const DeviceCounts& work) {
  FROST_CUDA(cudaGraphLaunch(graph, raw_));
  counts_ += work;
  counts_.nodes += work.work();
  ++counts_.graphs;
}

void Stream::count(std::int64_t& what, Traffic traffic) {
  ++what;
  enqueued_->bytes_read += traffic.read;
  enqueued_->bytes_written += traffic.written;
}

void Stream::count_kernel(Traffic traffic) {
  count(enqueued_->kernels, traffic);
}

void Stream::count_library(Traffic traffic, std::int64_t multiplications) {
  count(enqueued_->library, traffic);
  enqueued_->multiplications += multiplications;
}

Stream::Recording::Recording(Stream& stream) : stream_(stream) {
  // Relaxed: memory for the recording may be asked for meanwhile, by calls that other modes forbid.
  FROST_CUDA(cudaStreamBeginCapture(stream_.raw_, cudaStreamCaptureModeRelaxed));
  stream_.enqueued_ = &work_;
  open_ = true;
}

cudaGraph_t Stream::Recording::end() {
  open_ = false;
  stream_.enqueued_ = &stream_.counts_;
  cudaGraph_t graph = nullptr;
  FROST_CUDA(cudaStreamEndCapture(stream_.raw_, &graph));
  return graph;
}

Stream::Recording::~Recording() {
  if (!open_) return;
  stream_.enqueued_ = &stream_.counts_;
  cudaGraph_t graph = nullptr;
  const cudaError_t status = cudaStreamEndCapture(stream_.raw_, &graph);
  // Why it was abandoned is told by the error that is on its way; what did it has often broken the
  // capture, too.
  if (status == cudaErrorStreamCaptureInvalidated) {
    static_cast<void>(cudaGetLastError());
  } else if (status != cudaSuccess) {
    report_failure("cudaStreamEndCapture", status);
  }
  if (graph != nullptr) FROST_CUDA_NOTHROW(cudaGraphDestroy(graph));
}

}  // namespace frost::cuda
