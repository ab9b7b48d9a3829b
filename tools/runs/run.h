#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tools/runs/checkpoint.h"
#include "tools/runs/run_lock.h"

namespace frost {

/// The folder of a training run, held for writing (README, "What a run leaves behind").
///
/// A folder holds a run from the moment its config.yaml is there, and can be gone on with from then
/// on.
class Run {
 public:
  /// Makes the folder, or takes an existing one without a run, and writes `config` into it. Throws
  /// Error if it holds a run or another process writes in it.
  static Run create(const std::filesystem::path& path, const std::string& config);
  /// The same in the next free four-digit folder under `parent`; processes that begin together get
  /// different ones.
  static Run create_numbered(const std::filesystem::path& parent, const std::string& config);
  /// Opens an existing run to go on with. Throws Error if there is none or another process writes
  /// in it.
  static Run open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  /// Throws Error where the folder was removed or another one is in its place: whoever did that
  /// does not want it back with one file in it.
  void require_folder() const;
  const CheckpointFolder& checkpoints() const { return checkpoints_; }

  /// The run's resolved configuration, YAML.
  std::string config() const;
  void write_config(const std::string& yaml) const;
  void write_last(const SafetensorsFile& state) const;
  void write_best(const SafetensorsFile& state) const;
  /// run.json.
  void write_status(const std::vector<std::pair<std::string, std::string>>& fields) const;
  /// report.html, from what the run has left so far; `summary` stands above its curves,
  /// the GIF `animation` below.
  void write_report(const std::string& summary, const std::string& animation) const;
  /// A state for `train --replay`; returns its path, "failures/update-N.safetensors".
  std::filesystem::path write_failure(const SafetensorsFile& state, std::int64_t update) const;

 private:
  Run(const std::filesystem::path& path, RunLock lock)
      : path_(path), lock_(std::move(lock)), checkpoints_(path) {}

  std::filesystem::path path_;
  RunLock lock_;
  CheckpointFolder checkpoints_;
};

}  // namespace frost
