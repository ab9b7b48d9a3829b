#include "engine/storage.h"

#include <algorithm>
#include <atomic>
#include <vector>

namespace frost {
namespace {

constexpr std::size_t kGuardBytes = 64;
constexpr std::byte kGuardPattern{0xA5};
std::atomic<bool> guards_enabled = false;
std::atomic<std::int64_t> violations = 0;
std::atomic<std::uint64_t> next_id = 1;

}  // namespace

Storage::Storage(Backend& backend, std::size_t bytes, MemoryTag tag)
    : backend_(backend),
      bytes_(bytes),
      guard_(guards_enabled ? kGuardBytes : 0),
      tag_(tag),
      allocation_(static_cast<std::byte*>(backend.allocate(bytes + 2 * guard_))),
      data_(allocation_ + guard_),
      id_(next_id++) {
  backend_.ledger().add(tag_, bytes_);
  if (guard_ > 0) {
    const std::vector<std::byte> pattern(guard_, kGuardPattern);
    backend_.copy_from_host(allocation_, pattern.data(), guard_);
    backend_.copy_from_host(data_ + bytes_, pattern.data(), guard_);
  }
}

Storage::~Storage() {
  if (!guards_intact()) ++violations;
  if (is_weight_) backend_.convolution().forget_weight(id_);
  backend_.ledger().remove(tag_, bytes_);
  backend_.release(allocation_);
}

void Storage::retag(MemoryTag tag) {
  backend_.ledger().retag(tag_, tag, bytes_);
  tag_ = tag;
}

bool Storage::guards_intact() const {
  if (guard_ == 0) return true;
  std::vector<std::byte> found(2 * guard_);
  backend_.copy_to_host(found.data(), allocation_, guard_);
  backend_.copy_to_host(found.data() + guard_, data_ + bytes_, guard_);
  return std::all_of(found.begin(), found.end(), [](std::byte b) { return b == kGuardPattern; });
}

void Storage::enable_guards(bool on) {
  guards_enabled = on;
}

std::int64_t Storage::guard_violations() {
  return violations;
}

}  // namespace frost
