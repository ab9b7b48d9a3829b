#include "kernels/memory_ledger.h"

#include <algorithm>

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

}  // namespace frost
