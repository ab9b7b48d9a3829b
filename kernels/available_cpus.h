#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace frost {

/// CPUs that this process may keep busy: those of its affinity, no more than its control groups'
/// quota, at least 1.
std::int64_t available_cpus();

/// CPU time per time that the control groups of this process grant it, rounded up; empty where they
/// set no limit. Reads proc/self/cgroup and sys/fs/cgroup under `root`, of version 1 and 2; what is
/// missing or unreadable there sets no limit.
std::optional<std::int64_t> cpu_quota(const std::filesystem::path& root);

}  // namespace frost
