#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "kernels/compute_options.h"
#include "kernels/counts/device_counts.h"
#include "kernels/errors.h"
#include "kernels/families/attention.h"
#include "kernels/families/convolution.h"
#include "kernels/families/elementwise.h"
#include "kernels/families/losses.h"
#include "kernels/families/matrix.h"
#include "kernels/families/normalization.h"
#include "kernels/families/optimizer.h"
#include "kernels/families/policy.h"
#include "kernels/families/pooling.h"
#include "kernels/families/rows.h"
#include "kernels/memory_ledger.h"

namespace frost {

/// Device work that can be run again without the host code that enqueued it.
class RecordedWork {
 public:
  virtual ~RecordedWork() = default;
  virtual void replay() = 0;
};

/// A device: its memory, copies, recording, and its kernels by family.
///
/// A kernel is a virtual of its family (kernels/families), so forgetting one in a backend is a
/// compile error. Pointers are device pointers of the backend's device, row-major, float32 unless
/// said. Matrices are [rows, cols]. Shapes are checked by the callers in engine/ops. Reductions run
/// in a fixed order, so equal inputs and thread counts give equal bits.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string description() const = 0;
  /// Applies precision and determinism. Throws UsageError for a precision the device lacks.
  virtual void configure(const ComputeOptions& options) = 0;
  /// One line for each kernel that was chosen by looking at the device; empty where none is.
  virtual std::string kernel_report() const { return ""; }
  MemoryLedger& ledger() { return ledger_; }

  /// In a dry run convolutions allocate what they keep and need, and compute nothing; no other
  /// kernel is called (engine/dry_run.h).
  void set_dry_run(bool on) { dry_run_ = on; }
  bool dry_run() const { return dry_run_; }

  /// Throws OutOfMemoryError (kernels/out_of_memory.h).
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* data) = 0;
  virtual void copy_to_host(void* dst, const void* src, std::size_t bytes) = 0;
  virtual void copy_from_host(void* dst, const void* src, std::size_t bytes) = 0;
  /// Between two places of the device.
  virtual void copy(void* dst, const void* src, std::size_t bytes) = 0;
  virtual void fill_zero(void* data, std::size_t bytes) = 0;
  /// Whether the host may read device pointers, without waiting.
  virtual bool host_readable() const { return false; }
  /// Most images that a network gives a convolution at a time. Transient buffers grow with it.
  virtual std::int64_t preferred_batch() const = 0;
  /// The same where every call has this many, the last one padded (models/frozen_prefix.h).
  virtual std::int64_t fixed_batch() const = 0;

  /// Whether few shapes pay, because the kernels of each are prepared anew, in milliseconds.
  virtual bool prefers_few_shapes() const { return false; }

  /// Whether `record` is offered.
  virtual bool records() const { return false; }
  /// Calls `work` and keeps what it enqueues, without running it (engine/device_graph.h). What it
  /// allocates keeps its addresses while any recorded work lives.
  virtual std::unique_ptr<RecordedWork> record(const std::function<void()>& work);

  // The kernels, family by family.

  virtual ElementwiseKernels& elementwise() = 0;
  virtual RowKernels& rows() = 0;
  virtual MatrixKernels& matrix() = 0;
  virtual NormalizationKernels& normalization() = 0;
  virtual ConvolutionKernels& convolution() = 0;
  virtual PoolingKernels& pooling() = 0;
  virtual AttentionKernels& attention() = 0;
  virtual OptimizerKernels& optimizer() = 0;
  virtual LossKernels& losses() = 0;
  /// What only a policy needs: the ops of engine/policy_ops.h.
  virtual PolicyKernels& policy() = 0;

  /// What the device has been asked to do so far; null where that is not counted.
  virtual const DeviceCounts* counts() const { return nullptr; }

 private:
  MemoryLedger ledger_;
  bool dry_run_ = false;
};

inline std::unique_ptr<RecordedWork> Backend::record(const std::function<void()>&) {
  fail("record", "this device records no work");
}

}  // namespace frost
