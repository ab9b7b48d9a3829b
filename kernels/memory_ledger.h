#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace frost {

/// What a block of memory holds. Every byte the engine allocates carries exactly one tag.
enum class MemoryTag {
  kParameters,  ///< weights and running statistics
  kGradients,   ///< gradient buffers of trainable parameters
  kOptimizer,   ///< moments and step counters
  kSaved,       ///< kept by the tape for the backward pass
  kPacked,      ///< weights folded or reordered for a kernel
  kWorkspace,   ///< activations in flight, their gradients, kernel scratch
  kFeatureCache,
  kRollout,
  kOther,
};
inline constexpr std::size_t kMemoryTags = 9;
inline constexpr std::array<const char*, kMemoryTags> kMemoryTagNames = {
    "parameters", "gradients",     "optimizer", "saved", "packed",
    "workspace",  "feature_cache", "rollout",   "other"};

/// Live and peak bytes per tag of one device, counted as requested, before alignment. Thread-safe.
class MemoryLedger {
 public:
  struct Bytes {
    std::array<std::int64_t, kMemoryTags> live{};
    std::array<std::int64_t, kMemoryTags> peak{};
    std::int64_t live_total = 0;
    std::int64_t peak_total = 0;

    std::int64_t live_of(MemoryTag tag) const { return live[static_cast<std::size_t>(tag)]; }
    std::int64_t peak_of(MemoryTag tag) const { return peak[static_cast<std::size_t>(tag)]; }
  };

  void add(MemoryTag tag, std::size_t bytes);
  void remove(MemoryTag tag, std::size_t bytes);
  /// Moves bytes between tags; the total and its peak are unchanged.
  void retag(MemoryTag from, MemoryTag to, std::size_t bytes);

  Bytes snapshot() const;
  /// Sets every peak to the live value, so that the next peaks belong to what follows.
  void reset_peaks();

 private:
  mutable std::mutex mutex_;
  Bytes bytes_;
};

/// Live and peak MiB per tag, one line each; for text that is composed without allocating.
std::array<char, 640> memory_table_text(const MemoryLedger::Bytes& bytes);

}  // namespace frost
