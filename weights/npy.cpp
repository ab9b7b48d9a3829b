#include "weights/npy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/io/atomic_file.h"
#include "kernels/errors.h"

namespace frost {
namespace {

static_assert(std::endian::native == std::endian::little, "values are copied as they lie");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxHeader = 4096;
constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 32;
constexpr std::size_t kAlignment = 64;  // of the data in the file, as NumPy writes it

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

[[noreturn]] void fail_npy(const std::filesystem::path& path, std::string_view fault,
                           std::string_view remedy = "write it with numpy.save as float32") {
  fail("npy", fmt::format("{}: {}; {}", path.string(), fault, remedy));
}

/// Product of the dimensions; nothing where it exceeds what memory could hold.
std::optional<std::int64_t> count_elements(const std::vector<std::int64_t>& shape) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 40;
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0 || (size > 0 && count > kLimit / size)) return std::nullopt;
    count *= size;
  }
  return count;
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Returns the header's text and moves `offset` to the first byte of the data.
std::string read_header_text(const std::filesystem::path& path, std::string_view file,
                             std::size_t& offset) {
  if (!file.starts_with(kMagic)) fail_npy(path, "is not a .npy file");
  const auto byte_at = [&](std::size_t at) -> std::size_t {
    if (at >= file.size()) fail_npy(path, "header is truncated", "copy the file again");
    return static_cast<unsigned char>(file[at]);
  };
  const std::size_t version = byte_at(6);
  const std::size_t minor = byte_at(7);
  if ((version != 1 && version != 2) || minor != 0) {
    fail_npy(path, fmt::format(".npy version {}.{} is not supported", version, minor));
  }
  std::size_t length = byte_at(8) | byte_at(9) << 8;
  if (version == 2) length |= byte_at(10) << 16 | byte_at(11) << 24;
  const std::size_t start = version == 1 ? 10 : 12;
  if (length > kMaxHeader) {
    fail_npy(path, fmt::format("header of {} bytes exceeds the limit of {}", length, kMaxHeader));
  }
  if (start + length > file.size()) fail_npy(path, "header is truncated", "copy the file again");
  offset = start + length;
  return std::string(file.substr(start, length));
}

/// Removes `prefix` from the front of `text` where it is there.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Reads "2,3)" or "2,)" or ")" off the front of `text`.
bool take_shape(std::string_view& text, std::vector<std::int64_t>& shape) {
  shape.clear();
  while (!take(text, ")")) {
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || size < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    shape.push_back(size);
    if (!take(text, ",") && !text.starts_with(")")) return false;
  }
  return true;
}

bool take_descr(std::string_view& text, std::string& descr) {
  constexpr std::size_t kLongest = 16;
  const std::size_t length = text.find('\'');
  if (length > kLongest) return false;  // also where there is no quote
  descr = text.substr(0, length);
  text.remove_prefix(length + 1);
  return std::ranges::all_of(descr, [](char c) { return c > ' ' && c <= '~'; });
}

/// A Python dict literal without blanks, with the three keys in any order; nothing for other text.
std::optional<Header> parse_dict(std::string_view text) {
  Header header;
  bool descr = false, order = false, shape = false;
  if (!take(text, "{")) return std::nullopt;
  while (!take(text, "}")) {
    if (take(text, "'descr':'")) {
      descr = take_descr(text, header.descr);
      if (!descr) return std::nullopt;
    } else if (take(text, "'fortran_order':")) {
      header.fortran_order = take(text, "True");
      order = header.fortran_order || take(text, "False");
      if (!order) return std::nullopt;
    } else if (take(text, "'shape':(")) {
      shape = take_shape(text, header.shape);
      if (!shape) return std::nullopt;
    } else {
      return std::nullopt;
    }
    if (!take(text, ",") && !text.starts_with("}")) return std::nullopt;
  }
  if (!text.empty() || !descr || !order || !shape) return std::nullopt;
  return header;
}

Header parse_header(const std::filesystem::path& path, std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  const auto header = parse_dict(text);
  if (!header) fail_npy(path, "header is not a dict of descr, fortran_order and shape");
  return *header;
}

float narrow(const std::filesystem::path& path, double value, std::size_t index) {
  const auto narrowed = static_cast<float>(value);
  if (std::isfinite(value) && !std::isfinite(narrowed)) {
    fail_npy(path, fmt::format("value {} at index {} exceeds float32", value, index),
             "scale the values");
  }
  return narrowed;
}

template <typename Stored>
std::vector<float> read_values(const std::filesystem::path& path, std::string_view data,
                               std::size_t count) {
  if (data.size() != count * sizeof(Stored)) {
    fail_npy(path,
             fmt::format("holds {} data bytes where its shape needs {}", data.size(),
                         count * sizeof(Stored)),
             "the file is truncated or damaged, write it again");
  }
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    Stored value;
    std::memcpy(&value, data.data() + i * sizeof(Stored), sizeof(Stored));
    if constexpr (sizeof(Stored) == sizeof(float)) {
      values[i] = value;
    } else {
      values[i] = narrow(path, value, i);
    }
  }
  return values;
}

}  // namespace

NpyArray read_npy(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_regular_file(path, kMaxFile);
  const std::string_view file = as_text(bytes);
  std::size_t offset = 0;
  const Header header = parse_header(path, read_header_text(path, file, offset));
  if (header.fortran_order) {
    fail_npy(path, "is in Fortran order", "save numpy.ascontiguousarray(x)");
  }
  const auto count = count_elements(header.shape);
  if (!count) fail_npy(path, fmt::format("shape {} is too large", header.shape));
  const std::string_view data = file.substr(offset);
  const auto size = static_cast<std::size_t>(*count);
  if (header.descr == "<f4") return {header.shape, read_values<float>(path, data, size)};
  if (header.descr == "<f8") return {header.shape, read_values<double>(path, data, size)};
  fail_npy(path, fmt::format("dtype '{}' is neither '<f4' nor '<f8'", header.descr),
           "save x.astype('<f4')");
}

void write_npy(const std::filesystem::path& path, const NpyArray& array) {
  const auto count = count_elements(array.shape);
  if (!count || static_cast<std::size_t>(*count) != array.values.size()) {
    fail_npy(path,
             fmt::format("shape {} does not hold {} values", array.shape, array.values.size()),
             "give the shape of the values");
  }
  std::string sizes;
  for (const std::int64_t size : array.shape) sizes += fmt::format("{}, ", size);
  // Python writes (3, 4) but (3,): only the one-tuple keeps its last comma.
  if (!sizes.empty()) sizes.resize(sizes.size() - (array.shape.size() == 1 ? 1 : 2));
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", sizes);
  constexpr std::size_t kPrefix = 10;  // magic, version, header length
  while ((kPrefix + header.size() + 1) % kAlignment != 0) header += ' ';
  header += '\n';

  std::string prefix(kMagic);
  prefix += {'\x01', '\x00', static_cast<char>(header.size() & 0xFF),
             static_cast<char>(header.size() >> 8)};
  prefix += header;
  const std::array<std::span<const std::byte>, 2> parts = {std::as_bytes(std::span(prefix)),
                                                           std::as_bytes(std::span(array.values))};
  write_file_atomically(path, parts);
}

}  // namespace frost
