#include "engine/dry_run.h"

#include "engine/launch.h"
#include "kernels/backend_registry.h"

namespace frost {

// Told to both: `launch` knows no backend, and a backend that is loaded as a module sees none of
// the program's statics.
DryRun::DryRun(Backend& backend) : backend_(backend) {
  LaunchControl::dry_run_ = true;
  backend_.set_dry_run(true);
}

DryRun::~DryRun() {
  LaunchControl::dry_run_ = false;
  backend_.set_dry_run(false);
}

MemoryLedger::Bytes memory_of(Backend& backend) {
  constexpr auto kRollout = static_cast<std::size_t>(MemoryTag::kRollout);
  MemoryLedger::Bytes bytes = backend.ledger().snapshot();
  const MemoryLedger::Bytes host = cpu_backend().ledger().snapshot();
  bytes.live[kRollout] = host.live[kRollout];
  bytes.peak[kRollout] = host.peak[kRollout];
  return bytes;
}

void reset_memory_peaks(Backend& backend) {
  backend.ledger().reset_peaks();
  cpu_backend().ledger().reset_peaks();
}

MemoryLedger::Bytes forecast_memory(Backend& backend,
                                    const std::function<std::function<void()>()>& build) {
  const DryRun dry(backend);
  const std::function<void()> step = build();
  step();
  reset_memory_peaks(backend);
  step();
  return memory_of(backend);
}

}  // namespace frost
