#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/reports/events/event_summary.h"

namespace frost {

/// Seconds since 1970.
double wall_clock();

/// Writes a TensorBoard event file, `events.out.tfevents.<seconds>.frostline.<n>`.
///
/// A record is a length, its checksum, a protobuf `Event` and its checksum, as TensorFlow's
/// record_writer and event.proto define them.
class TensorboardWriter {
 public:
  /// Creates a new file in `folder`; throws Error if it cannot.
  explicit TensorboardWriter(const std::filesystem::path& folder);

  /// Whether the folder held no event file of this kind before.
  bool begins() const { return begins_; }

  /// The values of a step; nothing where there are none.
  void add(std::int64_t step, const EventSummary& summary);
  /// Values that are NaN are left out: an update in which nothing of the kind was seen has no
  /// point.
  void add_scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& scalars);

 private:
  void write_record(const std::string& event);

  std::filesystem::path path_;
  std::ofstream out_;
  bool begins_ = true;
};

/// Takes from the event files of `TensorboardWriter` in `folder` all events of a step above
/// `last_step`, and records that were cut short or damaged.
///
/// Files are replaced atomically. Throws Error naming a file that cannot be read or written.
void drop_events_after(const std::filesystem::path& folder, std::int64_t last_step);

/// CRC-32C (Castagnoli) of a byte string.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace frost
