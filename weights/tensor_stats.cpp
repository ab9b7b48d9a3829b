#include "weights/tensor_stats.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>

namespace frost {
namespace {

bool is_any_of(const std::string& dtype, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), dtype) != names.end();
}

/// Calls `use` with every value as double, in pieces: as wider numbers the whole of a large file
/// would need several times its size.
template <typename Use>
void for_each_value(const HostTensor& tensor, const std::string& name, const Use& use) {
  constexpr std::size_t kPiece = 1 << 16;
  const auto count = static_cast<std::size_t>(tensor.numel());
  const std::size_t element = count == 0 ? 0 : tensor.bytes.size() / count;
  const auto use_all = [&](const auto& values) {
    for (const auto value : values) use(static_cast<double>(value));
  };
  for (std::size_t first = 0; first < count; first += kPiece) {
    const std::size_t size = std::min(kPiece, count - first);
    const HostTensor piece{tensor.dtype,
                           {static_cast<std::int64_t>(size)},
                           tensor.bytes.part(first * element, size * element)};
    if (piece.dtype == "F64") {  // as float32 a finite value may overflow
      use_all(piece.to_doubles(name));
    } else if (is_any_of(piece.dtype, {"F32", "F16", "BF16"})) {
      use_all(piece.to_floats(name));
    } else {
      use_all(piece.to_int64(name));
    }
  }
}

}  // namespace

std::optional<TensorStats> tensor_stats(const HostTensor& tensor, const std::string& name) {
  if (!is_any_of(tensor.dtype, {"F64", "F32", "F16", "BF16", "I64", "I32", "U32", "I16", "U16",
                                "I8", "U8", "BOOL"})) {
    return std::nullopt;
  }
  TensorStats stats;
  stats.min = std::numeric_limits<double>::infinity();
  stats.max = -stats.min;
  double count = 0;
  for_each_value(tensor, name, [&](double value) {
    if (!std::isfinite(value)) {
      ++stats.non_finite;
      return;
    }
    stats.min = std::min(stats.min, value);
    stats.max = std::max(stats.max, value);
    stats.mean += value;
    ++count;
  });
  if (count == 0) return std::nullopt;
  stats.mean /= count;
  for_each_value(tensor, name, [&](double value) {
    const double difference = value - stats.mean;
    if (std::isfinite(difference)) stats.deviation += difference * difference;
  });
  stats.deviation = std::sqrt(stats.deviation / count);
  return stats;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

}  // namespace frost
