#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "kernels/errors.h"

namespace frost {

/// Appends plain values to a byte record, in the machine's byte order.
class StateWriter {
 public:
  template <typename T>
  void put(const T& value) {
    static_assert(std::is_arithmetic_v<T>);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof(T));
  }
  /// Their number, then the items.
  template <typename T>
  void put_all(std::span<const T> items) {
    put(static_cast<std::uint64_t>(items.size()));
    for (const T item : items) put(item);
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

/// Reads such a record back; throws Error where it ends too early or too late.
class StateReader {
 public:
  StateReader(const char* op, const std::vector<std::uint8_t>& bytes) : op_(op), bytes_(bytes) {}

  template <typename T>
  T get() {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    if (bytes_.size() - position_ < sizeof(T))
      fail(op_, "the record ends after " + std::to_string(bytes_.size()) + " bytes; it is cut off");
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }
  /// A stored count of items that take at least `item_bytes` each: never more than can follow.
  std::size_t get_count(std::size_t item_bytes) {
    const auto count = get<std::uint64_t>();
    if (count > (bytes_.size() - position_) / item_bytes)
      fail(op_,
           "the record promises " + std::to_string(count) + " items but is too short for them");
    return static_cast<std::size_t>(count);
  }
  /// What `put_all` wrote.
  template <typename T>
  std::vector<T> get_all() {
    std::vector<T> items(get_count(sizeof(T)));
    for (T& item : items) item = get<T>();
    return items;
  }
  void expect_end() const {
    if (position_ != bytes_.size())
      fail(op_, std::to_string(bytes_.size() - position_) + " bytes follow the end of the record");
  }

 private:
  const char* op_;
  const std::vector<std::uint8_t>& bytes_;
  std::size_t position_ = 0;
};

}  // namespace frost
