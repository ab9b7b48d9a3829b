#pragma once

#include <cstddef>
#include <string>

#include "kernels/errors.h"
#include "kernels/round_up.h"

namespace frost::cuda {

/// Hands out pieces of one block from its front; a `Scope` takes back what was handed out in it.
///
/// All work runs on one stream in order, so a piece may be reused as soon as the call that used it
/// was enqueued. Does not own or touch the block.
class Arena {
 public:
  static constexpr std::size_t kAlignment = 256;

  Arena(void* base, std::size_t bytes) : base_(static_cast<std::byte*>(base)), bytes_(bytes) {}

  /// Throws Error if the rest is too small.
  void* take(std::size_t bytes) {
    const std::size_t rounded = round_up(bytes, kAlignment);
    if (rounded < bytes || rounded > bytes_ - used_) {
      fail("workspace", std::to_string(bytes) + " bytes asked for, " +
                            std::to_string(bytes_ - used_) + " of " + std::to_string(bytes_) +
                            " left");
    }
    void* piece = base_ + used_;
    used_ += rounded;
    return piece;
  }

  std::size_t left() const { return bytes_ - used_; }

  /// Returns everything taken during its life.
  class Scope {
   public:
    explicit Scope(Arena& arena) : arena_(arena), mark_(arena.used_) {}
    ~Scope() { arena_.used_ = mark_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Arena& arena_;
    std::size_t mark_;
  };

 private:
  std::byte* base_;
  std::size_t bytes_;
  std::size_t used_ = 0;
};

}  // namespace frost::cuda
