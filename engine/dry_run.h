#pragma once

#include <functional>

#include "kernels/backend.h"
#include "kernels/memory_ledger.h"

namespace frost {

/// While alive, kernels are skipped: memory is allocated and counted, tensors read as zeros. One at
/// a time.
class DryRun {
 public:
  explicit DryRun(Backend& backend);
  ~DryRun();
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;

 private:
  Backend& backend_;
};

/// Bytes per tag that `work` peaks at, from a dry run: it is called once and computes nothing, so
/// it must not depend on values.
///
/// `work` builds what it needs itself, for example a module and its optimizer, and takes a step.
/// What a first step allocates for all later ones, scratch and packed weights, is left out of the
/// forecast of a later step where `work` takes two and calls `backend.ledger().reset_peaks()`
/// between them. What is already alive on the backend is counted too.
MemoryLedger::Bytes forecast_memory(Backend& backend, const std::function<void()>& work);

}  // namespace frost
