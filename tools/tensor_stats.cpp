#include "tools/tensor_stats.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <vector>

namespace frost {
namespace {

template <typename T>
std::optional<TensorStats> stats_of(const std::vector<T>& values) {
  TensorStats stats;
  stats.min = std::numeric_limits<double>::infinity();
  stats.max = -stats.min;
  double count = 0;
  for (const T raw : values) {
    const auto value = static_cast<double>(raw);
    if (!std::isfinite(value)) {
      ++stats.non_finite;
      continue;
    }
    stats.min = std::min(stats.min, value);
    stats.max = std::max(stats.max, value);
    stats.mean += value;
    ++count;
  }
  if (count == 0) return std::nullopt;
  stats.mean /= count;
  for (const T raw : values) {
    const double difference = static_cast<double>(raw) - stats.mean;
    if (std::isfinite(difference)) stats.deviation += difference * difference;
  }
  stats.deviation = std::sqrt(stats.deviation / count);
  return stats;
}

bool is_any_of(const std::string& dtype, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), dtype) != names.end();
}

}  // namespace

std::optional<TensorStats> tensor_stats(const HostTensor& tensor, const std::string& name) {
  if (tensor.dtype == "F64") {  // as float32 a finite value may overflow
    std::vector<double> values(tensor.bytes.size() / sizeof(double));
    if (!values.empty())
      std::memcpy(values.data(), tensor.bytes.data(), values.size() * sizeof(double));
    return stats_of(values);
  }
  if (is_any_of(tensor.dtype, {"F32", "F16", "BF16"})) return stats_of(tensor.to_floats(name));
  if (is_any_of(tensor.dtype, {"I64", "I32", "U32", "I16", "U16", "I8", "U8", "BOOL"})) {
    return stats_of(tensor.to_int64(name));
  }
  return std::nullopt;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

}  // namespace frost
