#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "kernels/round_up.h"

namespace frost::cuda {

/// Memory of recorded work. A block that is released may be handed out again, to this recording or
/// a later one, but stays where it is: recordings run one after the other on one stream, and each
/// writes what it reads. All blocks go back at once, when none is in use and no recording holds the
/// heap (`trim`).
///
/// Its size: a recording takes what the same work takes eagerly, and a later one takes the blocks
/// of the earlier ones as far as they fit. At worst none does, and the sizes of all recordings add
/// up, until there is ample memory: from then on an idle block of up to twice the size will do.
class RecordingHeap {
 public:
  using Take = std::function<void*(std::size_t)>;
  using Give = std::function<void(void*)>;

  /// `take` may throw; what `take` gave goes to `give` in the end.
  RecordingHeap(Take take, Give give) : take_(std::move(take)), give_(std::move(give)) {}
  ~RecordingHeap() { give_back(); }
  RecordingHeap(const RecordingHeap&) = delete;
  RecordingHeap& operator=(const RecordingHeap&) = delete;

  /// The smallest free block that holds `bytes` and wastes at most an eighth of them, or as much
  /// again where the heap has `kAmple`; or a new one.
  void* allocate(std::size_t bytes) {
    const std::size_t size = round_up(bytes, kGrain);
    void* data = nullptr;
    if (const auto found = free_.lower_bound(size);
        found != free_.end() && found->first <= size + (bytes_ >= kAmple ? size : size / 8)) {
      data = found->second;
      free_.erase(found);
    } else {
      data = take_(size);
      sizes_.emplace(data, size);
      bytes_ += size;
    }
    bytes_in_use_ += sizes_.at(data);
    return data;
  }

  /// Whether the block was handed out here; it is free then.
  bool release(void* data) {
    const auto found = sizes_.find(data);
    if (found == sizes_.end()) return false;
    free_.emplace(found->second, data);
    bytes_in_use_ -= found->second;
    return true;
  }

  /// Gives everything back if nothing is in use. Not while something is being recorded.
  void trim() {
    if (bytes_in_use_ == 0 && holder_.use_count() == 1) give_back();
  }

  /// Keeps all blocks where they are while a copy of it lives.
  std::shared_ptr<const void> hold() const { return holder_; }

  /// The blocks that are handed out.
  std::unordered_set<const void*> in_use() const {
    std::unordered_set<const void*> blocks;
    for (const auto& [data, size] : sizes_) blocks.insert(data);
    for (const auto& [size, data] : free_) blocks.erase(data);
    return blocks;
  }
  /// fn(data, bytes) for the others.
  template <class Fn>
  void for_each_idle(const Fn& fn) const {
    for (const auto& [size, data] : free_) fn(data, size);
  }

  /// A twentieth of a large GPU; a small one is full before, which is an error that says so.
  static constexpr std::size_t kAmple = std::size_t{4} << 30;

  std::size_t bytes() const { return bytes_; }
  std::size_t idle_bytes() const { return bytes_ - bytes_in_use_; }

 private:
  static constexpr std::size_t kGrain = 512;

  void give_back() {
    for (const auto& [data, size] : sizes_) give_(data);
    sizes_.clear();
    free_.clear();
    bytes_ = 0;
  }

  Take take_;
  Give give_;
  std::unordered_map<void*, std::size_t> sizes_;  ///< of all blocks
  std::multimap<std::size_t, void*> free_;
  std::size_t bytes_in_use_ = 0, bytes_ = 0;
  std::shared_ptr<const int> holder_ = std::make_shared<int>(0);
};

}  // namespace frost::cuda
