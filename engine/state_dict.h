#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/io/shared_bytes.h"

namespace frost {

/// One tensor as bytes in memory: row-major, packed, little-endian.
struct HostTensor {
  std::string dtype = "F32";        ///< safetensors spelling: F32 F16 BF16 F64 I64 I32 U8 ...
  std::vector<std::int64_t> shape;  ///< empty: a scalar
  SharedBytes bytes;                ///< perhaps unaligned: a part of the file it was read from

  /// Throw Error where the shape does not hold as many values as given.
  static HostTensor from_floats(std::vector<std::int64_t> shape, const std::vector<float>& values);
  static HostTensor from_int64(std::vector<std::int64_t> shape, const std::vector<std::int64_t>& v);
  static HostTensor from_doubles(const std::vector<double>& values);
  static HostTensor from_int32(std::vector<std::int64_t> shape, const std::vector<std::int32_t>& v);
  static HostTensor from_bytes(const std::vector<std::uint8_t>& values);
  static HostTensor from_bytes(std::vector<std::int64_t> shape, const std::vector<std::uint8_t>& v);

  /// Product of the shape, 1 for a scalar; throws Error where it is negative or overflows.
  std::int64_t numel() const;
  /// Values as float32; F16 and BF16 widen exactly, F64 rounds to nearest even.
  /// Throws Error for integer dtypes and finite F64 values that overflow; `name` is for the text.
  std::vector<float> to_floats(const std::string& name) const;
  /// Values of any integer dtype up to I64 and BOOL, widened; throws Error for others.
  std::vector<double> to_doubles(const std::string& name) const;
  std::vector<std::int64_t> to_int64(const std::string& name) const;
  /// Values of dtype U8 or BOOL; throws Error for others.
  std::vector<std::uint8_t> to_bytes(const std::string& name) const;
};

using StateDict = std::map<std::string, HostTensor>;

/// The tensor `name`. Throws Error "<what> holds no tensor '<name>'".
const HostTensor& find_tensor(const StateDict& state, const std::string& name, const char* what);
/// The same, which must have this shape.
const HostTensor& find_tensor(const StateDict& state, const std::string& name, const char* what,
                              const std::vector<std::int64_t>& shape);
/// Throws Error "checkpoint tensor '<name>' is damaged: <why>".
[[noreturn]] void fail_damaged(const std::string& name, const std::string& why);

}  // namespace frost
