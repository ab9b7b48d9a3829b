#include "tools/reports/process_memory.h"

#include <fstream>
#include <string>

namespace frost {

std::int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  }
  return 0;
}

bool reset_peak_resident() {
  std::ofstream switches("/proc/self/clear_refs");
  switches << "5";
  return static_cast<bool>(switches.flush());
}

}  // namespace frost
