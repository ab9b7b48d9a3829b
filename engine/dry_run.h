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

/// Live and peak bytes of a device by tag, but for rollouts, which the host always keeps: those are
/// the host's. Totals are the device's alone.
MemoryLedger::Bytes memory_of(Backend& backend);
/// Sets the peaks of the device and of the host to their live values.
void reset_memory_peaks(Backend& backend);

/// Bytes per tag of a step in the steady state, from a dry run: what it peaks at and what is live
/// behind it.
///
/// `build` makes what the step needs, for example a module and its optimizer, and returns the step,
/// which owns them. The step is called twice, as the first one allocates scratch and packed weights
/// that all later ones find. Nothing is computed, so it must not depend on values. What is already
/// alive on the backend is counted too.
MemoryLedger::Bytes forecast_memory(Backend& backend,
                                    const std::function<std::function<void()>()>& build);

}  // namespace frost
