#pragma once

#include <functional>
#include <memory>

#include "kernels/backend.h"

namespace frost {

/// Work on tensors that is run again and again without the host code between its kernels: a CUDA
/// graph. On a device that records nothing, `replay` calls the work.
///
/// The work must not copy from or to the host, and what changes between replays must be in device
/// memory that was there before: inputs are written into the same tensors. Run it once before it is
/// recorded, so that kernels are planned and lasting buffers allocated. Tensors that it makes, and
/// that the caller keeps, hold the results of the last replay. Guard bytes (`Storage`) are written
/// from the host and exclude recording.
class DeviceGraph {
 public:
  /// Throws Error where the work cannot be recorded, or would be while ops are observed.
  DeviceGraph(Backend& backend, std::function<void()> work);

  /// Throws Error where ops are observed and the work is recorded: it would call none.
  void replay();

  /// Whether this thread is recording: what was derived from tensors that train must then be
  /// derived anew, for a replay finds them changed.
  static bool recording();

 private:
  std::function<void()> work_;
  std::unique_ptr<RecordedWork> recorded_;
};

}  // namespace frost
