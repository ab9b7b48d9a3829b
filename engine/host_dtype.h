#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace frost {

/// Bytes per element of a dtype in safetensors spelling; nothing for one that is not supported
/// (complex and sub-byte types among them).
std::optional<std::size_t> dtype_bytes(std::string_view dtype);

/// Whether it is one of F64, F32, F16 and BF16, which `HostTensor::to_floats` takes.
bool is_floating_dtype(std::string_view dtype);

/// Product of non-negative sizes; nothing where one is negative or a partial product passes 2^63
/// - 1.
inline std::optional<std::int64_t> checked_product(const std::vector<std::int64_t>& sizes) {
  std::int64_t product = 1;
  for (const std::int64_t size : sizes) {
    if (size < 0 || __builtin_mul_overflow(product, size, &product)) return std::nullopt;
  }
  return product;
}

/// Exact widening of an IEEE half's bit pattern, subnormals, infinities and NaN included; bfloat16
/// is in kernels/bfloat16.h.
float half_to_float(std::uint16_t bits);

}  // namespace frost
