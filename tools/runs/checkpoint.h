#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "weights/safetensors.h"

namespace frost {

/// The format that `Trainer::checkpoint` writes; its number grows with each change of what a
/// checkpoint holds.
inline constexpr const char* kCheckpointFormat = "frostline.checkpoint.3";

/// The whole state of a training as it was read from a file.
struct Checkpoint {
  std::filesystem::path path;
  SharedBytes image;  ///< of the file, which the tensors share
  SafetensorsFile file;
  std::string config;        ///< the run's resolved configuration, YAML
  std::int64_t updates = 0;  ///< that were done

  /// Throws Error where an earlier version wrote it, whose runs can be evaluated and exported, but
  /// not gone on with: what a training needs has changed.
  void require_resumable() const;
};

/// Reads a checkpoint of this version or of the one before, whose files have no checksum. Throws
/// Error naming the file: damaged, no checkpoint, or of another version and which.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// The checkpoints of a run: the newest, the one before it and the best.
///
/// Each is replaced as a whole, so a process that ends at any moment leaves readable ones.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(const std::filesystem::path& run) : path_(run / "checkpoints") {}

  std::filesystem::path last() const { return path_ / "last.safetensors"; }
  std::filesystem::path previous() const { return path_ / "previous.safetensors"; }
  std::filesystem::path best() const { return path_ / "best.safetensors"; }
  /// Whether there is a newest one or one before it.
  bool has_last() const;

  /// The newest becomes the one before, `state` the newest.
  void write_last(const SafetensorsFile& state) const;
  void write_best(const SafetensorsFile& state) const;

  /// Puts a newest one that cannot be read aside, as last.damaged, so that the next one does not
  /// take the place of the good one before it. Only the run's writer may.
  void put_damaged_last_aside() const;

  /// The newest; where it is missing or damaged the one before it, and `note` says why. Throws
  /// Error where neither can be read.
  Checkpoint read_last(std::string& note) const;

  /// `which` is "best", "last", or empty: the best where there is one, else the last, as
  /// `read_last`. Throws Error where there is none.
  Checkpoint read(const std::string& which, std::string& note) const;

 private:
  std::filesystem::path path_;
};

}  // namespace frost
