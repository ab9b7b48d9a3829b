#include "engine/state_dict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "engine/host_dtype.h"
#include "engine/io/printable.h"
#include "engine/tensor.h"
#include "kernels/bfloat16.h"
#include "kernels/errors.h"

namespace frost {
namespace {

static_assert(std::endian::native == std::endian::little, "weight files hold little-endian values");

template <typename T>
HostTensor pack(const char* dtype, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  HostTensor tensor{dtype, std::move(shape), std::move(bytes)};
  if (checked_product(tensor.shape) != static_cast<std::int64_t>(values.size())) {
    fail("HostTensor", fmt::format("shape [{}] does not hold {} values",
                                   fmt::join(tensor.shape, ", "), values.size()));
  }
  return tensor;
}

/// Elements as stored; the bytes may be unaligned, so they are copied and never cast.
template <typename T>
std::vector<T> unpack(const HostTensor& tensor, const std::string& name) {
  const auto count = static_cast<std::size_t>(tensor.numel());
  if (tensor.bytes.size() != count * sizeof(T)) {
    fail("HostTensor", fmt::format("{}: {} bytes for {} elements of {}", printable(name),
                                   tensor.bytes.size(), count, tensor.dtype));
  }
  std::vector<T> values(count);
  if (count != 0) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

template <typename Out, typename In, typename Convert>
std::vector<Out> converted(const std::vector<In>& in, Convert convert) {
  std::vector<Out> out;
  out.reserve(in.size());
  for (const In value : in) out.push_back(convert(value));
  return out;
}

template <typename T>
std::vector<std::int64_t> widened(const HostTensor& tensor, const std::string& name) {
  return converted<std::int64_t>(unpack<T>(tensor, name),
                                 [](T v) { return static_cast<std::int64_t>(v); });
}

[[noreturn]] void wrong_dtype(const HostTensor& tensor, const std::string& name, const char* want) {
  fail("HostTensor",
       fmt::format("{} has dtype {}, expected {}", printable(name), tensor.dtype, want));
}

}  // namespace

HostTensor HostTensor::from_floats(std::vector<std::int64_t> shape,
                                   const std::vector<float>& values) {
  return pack("F32", std::move(shape), values);
}

HostTensor HostTensor::from_int64(std::vector<std::int64_t> shape,
                                  const std::vector<std::int64_t>& v) {
  return pack("I64", std::move(shape), v);
}

HostTensor HostTensor::from_doubles(const std::vector<double>& values) {
  return pack("F64", {static_cast<std::int64_t>(values.size())}, values);
}

HostTensor HostTensor::from_int32(std::vector<std::int64_t> shape,
                                  const std::vector<std::int32_t>& v) {
  return pack("I32", std::move(shape), v);
}

HostTensor HostTensor::from_bytes(const std::vector<std::uint8_t>& values) {
  return from_bytes({static_cast<std::int64_t>(values.size())}, values);
}

HostTensor HostTensor::from_bytes(std::vector<std::int64_t> shape,
                                  const std::vector<std::uint8_t>& v) {
  return pack("U8", std::move(shape), v);
}

std::int64_t HostTensor::numel() const {
  const auto product = checked_product(shape);
  if (!product) fail("HostTensor", fmt::format("impossible shape [{}]", fmt::join(shape, ", ")));
  return *product;
}

std::vector<float> HostTensor::to_floats(const std::string& name) const {
  if (!is_floating_dtype(dtype)) wrong_dtype(*this, name, "F32, F16, BF16 or F64");
  if (dtype == "F32") return unpack<float>(*this, name);
  if (dtype == "F16") return converted<float>(unpack<std::uint16_t>(*this, name), half_to_float);
  if (dtype == "BF16") {
    return converted<float>(unpack<std::uint16_t>(*this, name), bfloat16_to_float);
  }
  return converted<float>(unpack<double>(*this, name), [&](double value) {
    const float narrow = static_cast<float>(value);
    if (std::isinf(narrow) && !std::isinf(value)) {
      fail("HostTensor", fmt::format("{}: {} does not fit into float32", printable(name), value));
    }
    return narrow;
  });
}

std::vector<double> HostTensor::to_doubles(const std::string& name) const {
  if (dtype != "F64") wrong_dtype(*this, name, "F64");
  return unpack<double>(*this, name);
}

std::vector<std::int64_t> HostTensor::to_int64(const std::string& name) const {
  if (dtype == "I64") return unpack<std::int64_t>(*this, name);
  if (dtype == "I32") return widened<std::int32_t>(*this, name);
  if (dtype == "U32") return widened<std::uint32_t>(*this, name);
  if (dtype == "I16") return widened<std::int16_t>(*this, name);
  if (dtype == "U16") return widened<std::uint16_t>(*this, name);
  if (dtype == "I8") return widened<std::int8_t>(*this, name);
  if (dtype == "U8" || dtype == "BOOL") return widened<std::uint8_t>(*this, name);
  wrong_dtype(*this, name, "an integer type of at most 64 bits");
}

std::vector<std::uint8_t> HostTensor::to_bytes(const std::string& name) const {
  if (dtype != "U8" && dtype != "BOOL") wrong_dtype(*this, name, "U8 or BOOL");
  return unpack<std::uint8_t>(*this, name);
}

const HostTensor& find_tensor(const StateDict& state, const std::string& name, const char* what) {
  const auto found = state.find(name);
  if (found == state.end()) throw Error(std::string(what) + " holds no tensor '" + name + "'");
  return found->second;
}

const HostTensor& find_tensor(const StateDict& state, const std::string& name, const char* what,
                              const std::vector<std::int64_t>& shape) {
  const HostTensor& tensor = find_tensor(state, name, what);
  if (tensor.shape != shape) {
    throw Error(std::string(what) + " tensor '" + name + "' is " + to_string(tensor.shape) +
                ", expected " + to_string(shape));
  }
  return tensor;
}

void fail_damaged(const std::string& name, const std::string& why) {
  throw Error("checkpoint tensor " + printable(name) + " is damaged: " + why);
}

}  // namespace frost
