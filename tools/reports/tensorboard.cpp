#include "tools/reports/tensorboard.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <chrono>

#include "kernels/errors.h"

namespace frost {
namespace {

template <class T>
void append_raw(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

/// Protobuf wire types: a key is (field number << 3) | type.
enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void append_key(std::string& out, int field, WireType type) {
  append_varint(out, static_cast<std::uint64_t>(field << 3 | type));
}

void append_bytes(std::string& out, int field, const std::string& bytes) {
  append_key(out, field, kBytes);
  append_varint(out, bytes.size());
  out += bytes;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Event fields: 1 wall_time, 2 step, 3 file_version, 5 summary.
std::string event_at(std::int64_t step) {
  std::string event;
  append_key(event, 1, kFixed64);
  append_raw(event, now());
  append_key(event, 2, kVarint);
  append_varint(event, static_cast<std::uint64_t>(step));
  return event;
}

/// TensorFlow stores checksums rotated and offset, so that data holding checksums stays checkable.
std::uint32_t masked_crc(const std::string& bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

}  // namespace

std::uint32_t crc32c(const std::string& bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = (t[i] & 1 ? 0x82f63b78u : 0u) ^ (t[i] >> 1);
    }
    return t;
  }();
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

TensorboardWriter::TensorboardWriter(const std::filesystem::path& folder) {
  const auto seconds = static_cast<std::int64_t>(now());
  // A run resumed within the same second gets a name of its own.
  for (int n = 0; path_.empty() || std::filesystem::exists(path_); ++n) {
    path_ = folder / fmt::format("events.out.tfevents.{}.frostline.{}", seconds, n);
  }
  out_.open(path_, std::ios::binary);
  if (!out_) throw Error("cannot write " + path_.string());
  std::string event = event_at(0);
  append_bytes(event, 3, "brain.Event:2");
  write_record(event);
}

void TensorboardWriter::add_scalars(std::int64_t step,
                                    const std::vector<std::pair<std::string, double>>& scalars) {
  std::string summary;
  for (const auto& [tag, scalar] : scalars) {
    std::string value;  // Summary.Value: 1 tag, 2 simple_value
    append_bytes(value, 1, tag);
    append_key(value, 2, kFixed32);
    append_raw(value, static_cast<float>(scalar));
    append_bytes(summary, 1, value);
  }
  std::string event = event_at(step);
  append_bytes(event, 5, summary);
  write_record(event);
}

void TensorboardWriter::write_record(const std::string& event) {
  std::string length;
  append_raw(length, static_cast<std::uint64_t>(event.size()));
  std::string record = length;
  append_raw(record, masked_crc(length));
  record += event;
  append_raw(record, masked_crc(event));
  out_ << record;
  if (!out_.flush()) throw Error("cannot write " + path_.string());
}

}  // namespace frost
