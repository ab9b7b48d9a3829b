#include "kernels/memory_ledger.h"

#include <algorithm>
#include <cstdio>

namespace frost {

void MemoryLedger::add(MemoryTag tag, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto i = static_cast<std::size_t>(tag);
  bytes_.live[i] += static_cast<std::int64_t>(bytes);
  bytes_.live_total += static_cast<std::int64_t>(bytes);
  bytes_.peak[i] = std::max(bytes_.peak[i], bytes_.live[i]);
  bytes_.peak_total = std::max(bytes_.peak_total, bytes_.live_total);
}

void MemoryLedger::remove(MemoryTag tag, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  bytes_.live[static_cast<std::size_t>(tag)] -= static_cast<std::int64_t>(bytes);
  bytes_.live_total -= static_cast<std::int64_t>(bytes);
}

void MemoryLedger::retag(MemoryTag from, MemoryTag to, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto i = static_cast<std::size_t>(to);
  bytes_.live[static_cast<std::size_t>(from)] -= static_cast<std::int64_t>(bytes);
  bytes_.live[i] += static_cast<std::int64_t>(bytes);
  bytes_.peak[i] = std::max(bytes_.peak[i], bytes_.live[i]);
}

MemoryLedger::Bytes MemoryLedger::snapshot() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void MemoryLedger::reset_peaks() {
  const std::lock_guard lock(mutex_);
  bytes_.peak = bytes_.live;
  bytes_.peak_total = bytes_.live_total;
}

std::array<char, 640> memory_table_text(const MemoryLedger::Bytes& bytes) {
  std::array<char, 640> text{};
  std::size_t used = 0;
  const auto put = [&](int written) {
    used = std::min(used + static_cast<std::size_t>(written), text.size() - 1);
  };
  const auto add = [&](const char* name, std::int64_t live, std::int64_t peak) {
    const auto mib = [](std::int64_t n) { return static_cast<double>(n) / (1 << 20); };
    put(std::snprintf(text.data() + used, text.size() - used, "  %-14s %9.2f  %9.2f\n", name,
                      mib(live), mib(peak)));
  };
  put(std::snprintf(text.data(), text.size(), "memory (MiB)        live       peak\n"));
  for (std::size_t i = 0; i < kMemoryTags; ++i) {
    add(kMemoryTagNames[i], bytes.live[i], bytes.peak[i]);
  }
  add("total", bytes.live_total, bytes.peak_total);
  return text;
}

}  // namespace frost
