#include "tests/gpu_double/stream.h"

#include <random>
#include <utility>

#include "tests/gpu_double/runtime.h"
#include "tests/gpu_double/settings.h"

namespace frost::gpu_double {
namespace {

thread_local cudaError_t last_error = cudaSuccess;
std::int64_t computations = 0;  ///< so far

}  // namespace

std::vector<CUstream_st*>& streams() {
  static std::vector<CUstream_st*>& never_destroyed = *new std::vector<CUstream_st*>;
  return never_destroyed;
}

cudaError_t failed(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t take_last_error() {
  return std::exchange(last_error, cudaSuccess);
}

void run_queued(CUstream_st& stream, std::size_t most) {
  // A copy of the front: work may enqueue nothing, but its end must not find it gone.
  for (; most > 0 && !stream.queue.empty(); --most) {
    const std::function<void()> work = std::move(stream.queue.front());
    stream.queue.pop_front();
    work();
  }
}

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  if (stream == nullptr) violation("work on the default stream, which waits for all others");
  if (stream->capture != nullptr) {
    if (stream->invalid) return failed(cudaErrorStreamCaptureInvalidated);
    stream->capture->nodes.push_back(std::move(work));
    return cudaSuccess;
  }
  if (!settings().asynchronous) {
    work();
    return cudaSuccess;
  }
  static std::mt19937_64 random(settings().seed);
  stream->queue.push_back(std::move(work));
  // A GPU gets on with its work, too, at its own pace.
  if (random() % 8 == 0) run_queued(*stream, random() % (stream->queue.size() + 1));
  return cudaSuccess;
}

bool idle() {
  return settings().idle_after >= 0 && computations >= settings().idle_after;
}

cudaError_t enqueue_computation(cudaStream_t stream, std::function<void()> work) {
  if (idle()) return enqueue(stream, [] {});
  ++computations;
  return enqueue(stream, std::move(work));
}

void finish_work() {
  for (CUstream_st* const stream : streams()) run_queued(*stream, stream->queue.size());
}

}  // namespace frost::gpu_double
