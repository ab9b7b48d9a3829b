#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace frost {

/// Bytes that do not change and live as long as anyone views them: a block of their own
/// or a part of one. Copies share, so a tensor costs no memory beside the file it is in.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::vector<std::byte> bytes);
  /// `view` must be valid for as long as `owner` is.
  SharedBytes(std::shared_ptr<const void> owner, std::span<const std::byte> view)
      : owner_(std::move(owner)), view_(view) {}

  const std::byte* data() const { return view_.data(); }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  const std::byte* begin() const { return view_.data(); }
  const std::byte* end() const { return view_.data() + view_.size(); }
  const std::byte& operator[](std::size_t i) const { return view_[i]; }

  /// Bytes [first, first + count), which must lie inside.
  SharedBytes part(std::size_t first, std::size_t count) const;
  /// The same where the part is known by its address.
  SharedBytes part(std::span<const std::byte> inside) const;

  bool operator==(const SharedBytes& other) const;

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> view_;
};

}  // namespace frost
