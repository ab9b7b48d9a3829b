#include "tools/reports/tensorboard.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>

#include "engine/io/atomic_file.h"
#include "engine/io/folder.h"
#include "engine/io/protobuf.h"
#include "kernels/errors.h"

namespace frost {
namespace {

constexpr const char* kFilePrefix = "events.out.tfevents.";
constexpr const char* kFileMark = ".frostline.";

template <class T>
void append_raw(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

/// Event fields: 1 wall_time, 2 step, 3 file_version, 5 summary.
std::string event_at(std::int64_t step) {
  std::string event;
  protobuf::append_double(event, 1, wall_clock());
  protobuf::append_integer(event, 2, step);
  return event;
}

/// TensorFlow stores checksums rotated and offset, so that data holding checksums stays checkable.
std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

// The parts of a record: length, its checksum, the event, its checksum.
constexpr std::size_t kLengthBytes = 8, kCrcBytes = 4;
constexpr std::size_t kHeadBytes = kLengthBytes + kCrcBytes;

template <class T>
T raw_at(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

/// The step of an event of `event_at`, which writes it behind the time.
std::optional<std::int64_t> step_of(std::string_view event) {
  std::string head;
  protobuf::append_key(head, 1, protobuf::kFixed64);
  const std::size_t at = head.size() + sizeof(double);
  std::string key;
  protobuf::append_key(key, 2, protobuf::kVarint);
  if (!event.starts_with(head) || event.size() < at || !event.substr(at).starts_with(key))
    return {};
  event.remove_prefix(at + key.size());
  const auto step = protobuf::take_varint(event);
  if (!step) return std::nullopt;
  return static_cast<std::int64_t>(*step);
}

[[noreturn]] void cannot_write(const std::filesystem::path& path) {
  throw Error(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
}

/// The whole records of `file` whose step is at most `last_step`. Behind a length that is damaged
/// no record can be found any more.
std::string events_until(std::string_view file, std::int64_t last_step) {
  std::string kept;
  while (file.size() >= kHeadBytes) {
    if (raw_at<std::uint32_t>(file, kLengthBytes) != masked_crc(file.substr(0, kLengthBytes)))
      break;
    const auto length = raw_at<std::uint64_t>(file, 0);
    const std::size_t behind = file.size() - kHeadBytes;
    if (behind < kCrcBytes || length > behind - kCrcBytes) break;
    const std::string_view record = file.substr(0, kHeadBytes + length + kCrcBytes);
    const std::string_view event = record.substr(kHeadBytes, length);
    const auto step = step_of(event);
    if (raw_at<std::uint32_t>(record, kHeadBytes + length) == masked_crc(event) && step &&
        *step <= last_step) {
      kept += record;
    }
    file.remove_prefix(record.size());
  }
  return kept;
}

/// Of this writer.
bool is_event_file(const std::string& name) {
  return name.starts_with(kFilePrefix) && name.find(kFileMark) != name.npos &&
         !name.ends_with(".tmp");
}

}  // namespace

double wall_clock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::uint32_t crc32c(std::string_view bytes) {
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
  const std::vector<std::string> names = folder_names(folder);
  begins_ = std::none_of(names.begin(), names.end(), is_event_file);
  const auto seconds = static_cast<std::int64_t>(wall_clock());
  // A run resumed within the same second gets a name of its own.
  for (int n = 0; path_.empty() || std::filesystem::exists(path_); ++n) {
    path_ = folder / fmt::format("{}{}{}{}", kFilePrefix, seconds, kFileMark, n);
  }
  out_.open(path_, std::ios::binary);
  if (!out_) cannot_write(path_);
  std::string event = event_at(0);
  protobuf::append_bytes(event, 3, "brain.Event:2");
  write_record(event);
}

void TensorboardWriter::add_scalars(std::int64_t step,
                                    const std::vector<std::pair<std::string, double>>& scalars) {
  EventSummary summary;
  for (const auto& [tag, scalar] : scalars) summary.add_scalar(tag, scalar);
  add(step, summary);
}

void TensorboardWriter::add(std::int64_t step, const EventSummary& summary) {
  if (summary.empty()) return;
  std::string event = event_at(step);
  protobuf::append_bytes(event, 5, summary.bytes());
  write_record(event);
}

void drop_events_after(const std::filesystem::path& folder, std::int64_t last_step) {
  constexpr std::uint64_t kLargest = std::uint64_t{4} << 30;
  for (const std::string& name : folder_names(folder)) {
    if (!is_event_file(name)) continue;
    const std::filesystem::path path = folder / name;
    const std::vector<std::byte> bytes = read_regular_file(path, kLargest);
    const std::string kept =
        events_until({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, last_step);
    if (kept.size() == bytes.size()) continue;
    if (kept.empty()) {
      std::filesystem::remove(path);
    } else {
      write_file_atomically(path, kept);
    }
  }
}

void TensorboardWriter::write_record(const std::string& event) {
  std::string length;
  append_raw(length, static_cast<std::uint64_t>(event.size()));
  std::string record = length;
  append_raw(record, masked_crc(length));
  record += event;
  append_raw(record, masked_crc(event));
  out_ << record;
  if (!out_.flush()) cannot_write(path_);
}

}  // namespace frost
