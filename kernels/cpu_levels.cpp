#include "kernels/cpu_levels.h"

#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "kernels/errors.h"

// FROST_CPU_LEVELS lists the levels of the build as FROST_LEVEL(name) FROST_LEVEL(name) ...
#define FROST_LEVEL(name) const frost::CpuLevel* frost_cpu_level_##name();
extern "C" {
FROST_CPU_LEVELS
}
#undef FROST_LEVEL

namespace frost {
namespace {

/// Whether the CPU has what cmake/cpu_levels.cmake lets the compiler use for a level.
bool has(std::string_view level) {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  if (level == "baseline") {
    return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  }
  if (level == "avx2") return avx2;
  if (level == "avx512") {
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512cd");
  }
  return false;
#else
  static_cast<void>(level);  // one level, which the compiler's target has
  return true;
#endif
}

struct Built {
  const char* name;
  const CpuLevel* (*get)();
};
// The code of a level the CPU lacks is not entered, not even for its table.
constexpr Built kBuilt[] = {
#define FROST_LEVEL(name) {#name, frost_cpu_level_##name},
    FROST_CPU_LEVELS
#undef FROST_LEVEL
};

std::string names(const auto& levels) {
  std::string text;
  for (const auto& level : levels) {
    if (!text.empty()) text += ", ";
    if constexpr (requires { level->name; }) {
      text += level->name;
    } else {
      text += level.name;
    }
  }
  return text;
}

}  // namespace

std::span<const CpuLevel* const> cpu_levels() {
  static const std::vector<const CpuLevel*> levels = [] {
    std::vector<const CpuLevel*> usable;
    for (const Built& built : kBuilt) {
      if (has(built.name)) usable.push_back(built.get());
    }
    if (usable.empty()) throw Error("this CPU is older than x86-64-v2 (SSE4.2, POPCNT)");
    return usable;
  }();
  return levels;
}

const CpuLevel& cpu_level(const std::string& name) {
  if (name.empty()) return *cpu_levels().back();
  for (const CpuLevel* level : cpu_levels()) {
    if (name == level->name) return *level;
  }
  for (const Built& built : kBuilt) {
    if (name == built.name) {
      throw UsageError("FROST_ISA=" + name + ": this CPU does not have it, only " +
                       names(cpu_levels()));
    }
  }
  throw UsageError("FROST_ISA=" + name + " is no instruction level: use " + names(kBuilt));
}

const CpuLevel& chosen_cpu_level() {
  const char* name = std::getenv("FROST_ISA");
  return cpu_level(name == nullptr ? "" : name);
}

Backend& cpu_backend_at(const CpuLevel& level) {
  // Leaked on purpose: tensors with static lifetime may outlive any destruction order.
  static auto& backends = *new std::map<const CpuLevel*, std::unique_ptr<Backend>>;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::unique_ptr<Backend>& backend = backends[&level];
  if (backend == nullptr) backend.reset(level.create());
  return *backend;
}

}  // namespace frost
