#pragma once

#include <cudnn.h>

#include <memory>
#include <string>

#include "kernels/cuda/conv/conv_plan.h"
#include "kernels/cuda/conv/plan_key.h"
#include "kernels/cuda/runtime/stream.h"
#include "kernels/lru_cache.h"

namespace frost::cuda {

/// Convolution plans by key. That no plan exists is remembered too.
class PlanCache {
 public:
  PlanCache(cudnnHandle_t handle, Stream& stream) : handle_(handle), stream_(stream) {}

  struct Entry {
    std::shared_ptr<ConvPlan> plan;  ///< null: nothing suits the key
    std::string note;                ///< the engine, or why there is none
  };

  /// Valid until the next call. Throws Error if a new plan is asked for while the stream is being
  /// captured: building one allocates and loads modules, which a capture cannot hold.
  const Entry& get(const PlanKey& key);

  /// One line per entry made so far, evicted ones included.
  const std::string& report() const { return report_; }

 private:
  /// Bounds what shapes that never come back may keep, ~200 KiB of host memory each. It must hold
  /// what a run asks for in turn, for one plan too many has others built anew, 4 ms each: a body
  /// sees at most 38 batch sizes (models/policies/graph_batch.h), each with 37 plans in mode
  /// `none`.
  static constexpr std::size_t kCapacity = 4096;

  Entry make(const PlanKey& key);

  cudnnHandle_t handle_;
  Stream& stream_;
  LruCache<PlanKey, Entry, BytesHash<PlanKey>> entries_{kCapacity};
  std::string report_;
};

/// "forward 64x24x24x3 * 64x7x7/2+3 residual bias tf32"
std::string to_string(const PlanKey& key);

/// Throws Error if the stream is being captured into a graph.
void require_no_capture(const Stream& stream, const char* what);

}  // namespace frost::cuda
