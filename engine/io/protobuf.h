#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The wire format of Protocol Buffers: a message is its fields one after the other, each a key and
/// a value; a message within a message is bytes.
namespace frost::protobuf {

enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void append_varint(std::string& out, std::uint64_t value);
/// (field << 3) | type.
void append_key(std::string& out, int field, WireType type);

// A whole field.

void append_integer(std::string& out, int field, std::int64_t value);
void append_float(std::string& out, int field, float value);
void append_double(std::string& out, int field, double value);
/// A text, bytes or a message.
void append_bytes(std::string& out, int field, std::string_view bytes);
/// The key and length of `size` bytes that follow elsewhere.
void append_bytes_head(std::string& out, int field, std::uint64_t size);

/// Takes a varint off the front of `bytes`; none where it does not end there.
std::optional<std::uint64_t> take_varint(std::string_view& bytes);

}  // namespace frost::protobuf
