#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace frost {

/// Writes scalars as a TensorBoard event file, `events.out.tfevents.<seconds>.frostline`.
///
/// A record is a length, its checksum, a protobuf `Event` and its checksum, as TensorFlow's
/// record_writer and event.proto define them.
class TensorboardWriter {
 public:
  /// Creates a new file in `folder`; throws Error if it cannot.
  explicit TensorboardWriter(const std::filesystem::path& folder);

  void add_scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& scalars);

 private:
  void write_record(const std::string& event);

  std::filesystem::path path_;
  std::ofstream out_;
};

/// CRC-32C (Castagnoli) of a byte string.
std::uint32_t crc32c(const std::string& bytes);

}  // namespace frost
