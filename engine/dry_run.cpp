#include "engine/dry_run.h"

#include "engine/launch.h"

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

MemoryLedger::Bytes forecast_memory(Backend& backend,
                                    const std::function<std::function<void()>()>& build) {
  const DryRun dry(backend);
  const std::function<void()> step = build();
  step();
  backend.ledger().reset_peaks();
  step();
  return backend.ledger().snapshot();
}

}  // namespace frost
