#include "kernels/available_cpus.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

namespace frost {
namespace {

namespace fs = std::filesystem;

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

/// A limit of `quota` microseconds in each `period`; anything else than two positive numbers, such
/// as "max" or -1, is none.
double read_ratio(std::istream&& quota_file, std::istream&& period_file) {
  double quota = 0, period = 0;
  if (!(quota_file >> quota) || !(period_file >> period) || !(quota > 0) || !(period > 0)) {
    return kUnlimited;
  }
  return quota / period;
}

double group_limit(const fs::path& group, bool unified) {
  if (unified) {
    std::ifstream file(group / "cpu.max");
    std::string quota, period;
    file >> quota >> period;
    return read_ratio(std::istringstream(quota), std::istringstream(period));
  }
  return read_ratio(std::ifstream(group / "cpu.cfs_quota_us"),
                    std::ifstream(group / "cpu.cfs_period_us"));
}

/// The least limit from `group` up to the root of its hierarchy. Inside a container the hierarchy
/// may begin at a group that the kernel names by its path outside: what is not found is passed.
double path_limit(const fs::path& mount, fs::path group, bool unified) {
  double limit = kUnlimited;
  for (;; group = group.parent_path()) {
    limit = std::min(limit, group_limit(mount / group, unified));
    if (group.empty()) return limit;
  }
}

/// Whether a comma-separated list of controllers holds "cpu".
bool lists_cpu(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

std::int64_t affinity_count() {
  // The kernel refuses a set smaller than its own, whose size it does not tell.
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(
        CPU_ALLOC(static_cast<std::size_t>(cpus)), [](cpu_set_t* s) { CPU_FREE(s); });
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
    if (set != nullptr && sched_getaffinity(0, bytes, set.get()) == 0) {
      return CPU_COUNT_S(bytes, set.get());
    }
  }
  return std::thread::hardware_concurrency();
}

}  // namespace

std::optional<std::int64_t> cpu_quota(const fs::path& root) {
  double limit = kUnlimited;
  const fs::path mounts = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "4:cpu,cpuacct:/path", "0::/path"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = fs::path(line.substr(second + 1)).lexically_normal().relative_path();
    if (controllers.empty()) {
      limit = std::min(limit, path_limit(mounts, group, true));
    } else if (lists_cpu(controllers)) {
      // Mounted under all its controllers' names; "cpu" is usually a link to that.
      for (const fs::path& mount : {mounts / "cpu", mounts / controllers}) {
        limit = std::min(limit, path_limit(mount, group, false));
      }
    }
  }
  if (limit == kUnlimited) return std::nullopt;
  return std::max<std::int64_t>(1, std::llround(std::ceil(limit)));
}

std::int64_t available_cpus() {
  const std::int64_t cpus = std::max<std::int64_t>(1, affinity_count());
  return std::min(cpus, cpu_quota("/").value_or(cpus));
}

}  // namespace frost
