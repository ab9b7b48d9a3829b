#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace frost {

/// What to do about a file that is damaged or was made by something else.
constexpr std::string_view kFetchAgain =
    "download it again, or save its state_dict() anew with torch.save";

/// What to do about a file that holds more than a state dict.
constexpr std::string_view kConvert =
    "save only the state_dict(), or convert the file to safetensors where you trust it";

/// What to do about tensors of kinds that are not read.
constexpr std::string_view kMakeDense =
    "save them as dense tensors of float32 where you trust it: those of before quantising, or "
    "to_dense() or float() of them";

/// Throws Error "origin: fault (at byte N); remedy".
[[noreturn]] void reject_file(const std::string& origin, std::uint64_t position,
                              const std::string& fault, std::string_view remedy = kFetchAgain);

/// The one door to the bytes of a weight file: little-endian values read in sequence, each access
/// checked against the end. All throws are Error with file, fault and byte offset.
class ByteReader {
 public:
  /// `origin` names the file; `base` is the offset of `bytes[0]` in it and appears in errors only.
  ByteReader(std::span<const std::byte> bytes, std::string origin, std::uint64_t base = 0)
      : bytes_(bytes), origin_(std::move(origin)), base_(base) {}

  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }
  /// The current position as an offset in the file.
  std::uint64_t offset() const { return base_ + position_; }
  const std::string& origin() const { return origin_; }

  void seek(std::uint64_t position);
  std::span<const std::byte> take(std::uint64_t count);
  std::string_view text(std::uint64_t count);
  /// Text up to the next line feed, which is consumed; at most `longest` bytes.
  std::string_view line(std::size_t longest);

  template <typename T>
  T read() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  /// Throws the Error of `reject_file` for the current position or that of another byte.
  [[noreturn]] void reject(const std::string& fault, std::string_view remedy = kFetchAgain) const {
    reject_at(position_, fault, remedy);
  }
  [[noreturn]] void reject_at(std::uint64_t position, const std::string& fault,
                              std::string_view remedy = kFetchAgain) const {
    reject_file(origin_, base_ + position, fault, remedy);
  }

 private:
  std::span<const std::byte> bytes_;
  std::string origin_;
  std::uint64_t base_;
  std::size_t position_ = 0;
};

}  // namespace frost
