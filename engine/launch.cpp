#include "engine/launch.h"

namespace frost {
namespace {

std::map<std::string, LaunchStats>& stats() {
  static std::map<std::string, LaunchStats> table;
  return table;
}

}  // namespace

bool LaunchControl::profiling_ = false;
bool LaunchControl::dry_run_ = false;

void LaunchControl::enable_profile(bool on) {
  profiling_ = on;
  stats().clear();
}

std::map<std::string, LaunchStats> LaunchControl::profile() {
  return stats();
}

void LaunchControl::record(const char* name, double seconds) {
  LaunchStats& entry = stats()[name];
  ++entry.calls;
  entry.seconds += seconds;
}

}  // namespace frost
