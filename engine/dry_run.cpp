#include "engine/dry_run.h"

#include "engine/launch.h"

namespace frost {

DryRun::DryRun(Backend& backend) : backend_(backend) {
  LaunchControl::dry_run_ = true;
  backend_.set_dry_run(true);
}

DryRun::~DryRun() {
  LaunchControl::dry_run_ = false;
  backend_.set_dry_run(false);
}

MemoryLedger::Bytes forecast_memory(Backend& backend, const std::function<void()>& work) {
  const DryRun dry(backend);
  backend.ledger().reset_peaks();
  work();
  return backend.ledger().snapshot();
}

}  // namespace frost
