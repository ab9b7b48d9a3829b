#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "kernels/backend.h"
#include "kernels/tracked_buffer.h"

namespace frost {

/// Reordered copies of weights, kept by the weight's identity until it is forgotten and made anew
/// when its version changes. A weight without an identity is reordered for each call.
class PackedWeights {
 public:
  /// What a copy depends on besides the weight.
  struct Layout {
    const void* kernels = nullptr;
    std::int64_t rows, columns;

    bool operator==(const Layout&) const = default;
  };

  explicit PackedWeights(Backend& backend) : backend_(backend) {}

  /// The copy in this layout, of so many floats, which pack(to) writes where it is new or stale. A
  /// dry run allocates and does not pack. Valid until the next call without an identity.
  template <class Pack>
  const float* get(WeightView weight, const Layout& layout, std::int64_t floats, const Pack& pack) {
    if (weight.id == 0) {
      unnamed_ = allocate(MemoryTag::kWorkspace, floats);
      if (!backend_.dry_run()) pack(unnamed_.floats());
      return unnamed_.floats();
    }
    Entry& entry = find(weight.id, layout, floats);
    if (entry.version != weight.version && !backend_.dry_run()) {
      pack(entry.buffer.floats());
      entry.version = weight.version;
    }
    return entry.buffer.floats();
  }

  void forget(std::uint64_t id) { kept_.erase(id); }

 private:
  struct Entry {
    Layout layout;
    std::optional<std::uint64_t> version;  ///< nothing: allocated in a dry run
    TrackedBuffer buffer;
  };

  TrackedBuffer allocate(MemoryTag tag, std::int64_t floats) {
    return {backend_, tag, static_cast<std::size_t>(floats) * sizeof(float)};
  }
  Entry& find(std::uint64_t id, const Layout& layout, std::int64_t floats) {
    std::vector<Entry>& entries = kept_[id];
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const Entry& e) { return e.layout == layout; });
    if (found != entries.end()) return *found;
    entries.push_back({layout, std::nullopt, allocate(MemoryTag::kPacked, floats)});
    return entries.back();
  }

  Backend& backend_;
  std::unordered_map<std::uint64_t, std::vector<Entry>> kept_;
  TrackedBuffer unnamed_;
};

}  // namespace frost
