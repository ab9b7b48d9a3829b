#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "kernels/counts/device_counts.h"
#include "kernels/cuda/runtime/traffic.h"

namespace frost::cuda {

/// The stream on which a backend enqueues everything, and the one door to it: copies, fills, waits
/// and replays go through it, and who launches a kernel or calls a library tells it so.
///
/// While work is recorded, what would be enqueued counts as the recording's. One thread at a time.
class Stream {
 public:
  /// A non-blocking stream of this device. Throws Error where the device fails.
  explicit Stream(int device);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  cudaStream_t raw() const { return raw_; }
  const DeviceCounts& counts() const { return counts_; }

  /// From memory of the host that may be gone as soon as this returns. Waits only for large copies.
  /// Throws Error while work is recorded: a replay would find what the host held then.
  void upload(void* dst, const void* src, std::size_t bytes);
  /// To memory that the host may read as soon as this returns.
  void download(void* dst, const void* src, std::size_t bytes);
  /// Between two places of the device.
  void copy(void* dst, const void* src, std::size_t bytes);
  void fill(void* data, int byte, std::size_t bytes);
  /// Zeros in `rows` rows of `bytes`, `stride` bytes apart.
  void fill_rows(void* data, std::size_t stride, std::size_t bytes, std::size_t rows);
  void wait();
  /// `work`: what was recorded of the graph.
  void replay(cudaGraphExec_t graph, const DeviceCounts& work);

  // Told by who enqueues or asks for something by itself.
  void count_kernel(Traffic traffic);
  void count_library(Traffic traffic, std::int64_t multiplications);
  void count_allocation() { ++counts_.allocations; }
  void count_plan() { ++counts_.plans; }

  /// From its making to `end`, or while it lives, the stream is captured into a graph.
  class Recording {
   public:
    explicit Recording(Stream& stream);
    ~Recording();
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

    /// What was captured; the caller owns it. Throws Error where the capture was spoilt.
    cudaGraph_t end();
    const DeviceCounts& work() const { return work_; }

   private:
    Stream& stream_;
    DeviceCounts work_;
    bool open_ = false;
  };

 private:
  /// Most bytes of uploads that are on their way at a time without the host waiting.
  static constexpr std::size_t kStagingBytes = std::size_t{4} << 20;

  /// One more of `what`, a number of `enqueued_`.
  void count(std::int64_t& what, Traffic traffic);
  /// A copy of these bytes that stays until the stream was waited for.
  const void* stage(const void* src, std::size_t bytes);

  cudaStream_t raw_ = nullptr;
  DeviceCounts counts_;
  DeviceCounts* enqueued_ = &counts_;  ///< of what is enqueued now
  std::byte* staging_ = nullptr;       ///< pinned
  std::size_t staged_ = 0;             ///< bytes that may still be read
};

}  // namespace frost::cuda
