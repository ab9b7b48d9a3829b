#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/backend.h"

namespace frost {

/// A tagged block of device memory; the only place where the engine allocates.
///
/// `id` names the block for the life of the process; `version` counts in-place changes, so that
/// copies derived from it (folded or packed weights) know when they are stale.
class Storage {
 public:
  Storage(Backend& backend, std::size_t bytes, MemoryTag tag);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Backend& backend() const { return backend_; }
  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  MemoryTag tag() const { return tag_; }
  void retag(MemoryTag tag);

  std::uint64_t id() const { return id_; }
  std::uint64_t version() const { return version_; }
  void bump_version() { ++version_; }
  /// Says that kernels may keep reordered copies under `id`: they are dropped with the block.
  void mark_as_weight() { is_weight_ = true; }

  /// Whether the guard bytes around the block are intact; true where it has none.
  bool guards_intact() const;

  /// Surrounds every later block with guard bytes, checked when it is released.
  static void enable_guards(bool on);
  /// Blocks released so far with damaged guard bytes.
  static std::int64_t guard_violations();

 private:
  Backend& backend_;
  std::size_t bytes_;
  std::size_t guard_;
  MemoryTag tag_;
  std::byte* allocation_;
  std::byte* data_;
  std::uint64_t id_;
  std::uint64_t version_ = 0;
  bool is_weight_ = false;
};

}  // namespace frost
