#include "engine/io/protobuf.h"

#include <bit>

namespace frost::protobuf {
namespace {

static_assert(std::endian::native == std::endian::little, "fixed fields are little-endian");

template <class T>
void append_fixed(std::string& out, int field, WireType type, T value) {
  append_key(out, field, type);
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void append_key(std::string& out, int field, WireType type) {
  append_varint(out, static_cast<std::uint64_t>(field << 3 | type));
}

void append_integer(std::string& out, int field, std::int64_t value) {
  append_key(out, field, kVarint);
  append_varint(out, static_cast<std::uint64_t>(value));
}

void append_float(std::string& out, int field, float value) {
  append_fixed(out, field, kFixed32, value);
}

void append_double(std::string& out, int field, double value) {
  append_fixed(out, field, kFixed64, value);
}

void append_bytes(std::string& out, int field, std::string_view bytes) {
  append_bytes_head(out, field, bytes.size());
  out += bytes;
}

void append_bytes_head(std::string& out, int field, std::uint64_t size) {
  append_key(out, field, kBytes);
  append_varint(out, size);
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

}  // namespace frost::protobuf
