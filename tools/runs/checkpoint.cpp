#include "tools/runs/checkpoint.h"

#include <fmt/format.h>

#include <charconv>

#include "engine/io/atomic_file.h"
#include "engine/io/printable.h"
#include "kernels/errors.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormatStem = "frostline.checkpoint.";
constexpr int kOldestFormat = 2, kOldestWithChecksum = 3;

/// All of the text as a number; negative where it is none.
std::int64_t count_of(std::string_view text) {
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : -1;
}

std::int64_t format_number(std::string_view format) {
  return format.starts_with(kFormatStem) ? count_of(format.substr(kFormatStem.size())) : -1;
}

const std::string& entry(const SafetensorsFile& file, const std::string& key,
                         const fs::path& path) {
  const auto found = file.metadata.find(key);
  if (found != file.metadata.end()) return found->second;
  throw Error(
      fmt::format("{} is no checkpoint of a run: its metadata have no '{}'", path.string(), key));
}

void check_format(const SafetensorsFile& file, const fs::path& path) {
  const std::string& format = entry(file, "format", path);
  const std::int64_t number = format_number(format), newest = format_number(kCheckpointFormat);
  if (number >= kOldestFormat && number <= newest) {
    if (number < kOldestWithChecksum || file.has_checksum) return;
    throw Error(path.string() + ": damaged: it lacks its checksum");
  }
  const auto version = file.metadata.find("version");
  const std::string writer =
      version == file.metadata.end() ? "" : " (written by version " + version->second + ")";
  if (number > newest) {
    throw Error(
        fmt::format("{}{} has the format {}: this version, {}, reads up to {}; use a newer "
                    "one",
                    path.string(), writer, format, FROST_VERSION, kCheckpointFormat));
  }
  if (number >= 0) {
    throw Error(
        fmt::format("{}{} has the format {}: this version, {}, reads {}{} and newer; train "
                    "again",
                    path.string(), writer, format, FROST_VERSION, kFormatStem, kOldestFormat));
  }
  throw Error(
      fmt::format("{} is no checkpoint of a run: its format is '{}'", path.string(), format));
}

/// The bytes and what they hold; not looked at any further. Throws Error where they are damaged.
Checkpoint read_file(const fs::path& path) {
  Checkpoint read;
  read.path = path;
  read.image = read_regular_file(path, kMaxSafetensorsBytes);
  read.file = parse_safetensors(read.image, path.string());
  return read;
}

Checkpoint completed(Checkpoint checkpoint) {
  const fs::path& path = checkpoint.path;
  check_format(checkpoint.file, path);
  checkpoint.config = entry(checkpoint.file, "config", path);
  checkpoint.updates = count_of(entry(checkpoint.file, "updates", path));
  if (checkpoint.updates < 0) {
    throw Error(path.string() + ": damaged: its metadata 'updates' is no count");
  }
  return checkpoint;
}

}  // namespace

void Checkpoint::require_resumable() const {
  const std::string& format = file.metadata.at("format");
  if (format == kCheckpointFormat) return;
  throw Error(
      fmt::format("{} has the format {} of an earlier version: it can be evaluated and "
                  "exported, but not gone on with (that needs {})",
                  path.string(), format, kCheckpointFormat));
}

Checkpoint read_checkpoint(const fs::path& path) {
  return completed(read_file(path));
}

bool CheckpointFolder::has_last() const {
  return fs::exists(last()) || fs::exists(previous());
}

void CheckpointFolder::write_last(const SafetensorsFile& state) const {
  // A second name for the present file, so that `last` is never missing. Where the file system has
  // no hard links it is missing for a moment, in which `previous` is there.
  const fs::path link = path_ / "previous.tmp";
  std::error_code error;
  fs::remove(link, error);
  fs::create_hard_link(last(), link, error);
  fs::rename(error ? last() : link, previous(), error);
  // Where both names were of one file already, renaming has done nothing.
  fs::remove(link, error);
  write_safetensors(last(), state);
}

void CheckpointFolder::put_damaged_last_aside() const {
  std::error_code error;  // where it is missing there is nothing to do
  fs::rename(last(), path_ / "last.damaged", error);
}

void CheckpointFolder::write_best(const SafetensorsFile& state) const {
  write_safetensors(best(), state);
}

Checkpoint CheckpointFolder::read_last(std::string& note) const {
  Checkpoint newest;
  try {
    newest = read_file(last());
  } catch (const Error& fault) {
    if (!fs::exists(previous())) throw;
    note = fmt::format("{}; taken instead: {}", fault.what(), previous().string());
    return read_checkpoint(previous());
  }
  return completed(std::move(newest));
}

Checkpoint CheckpointFolder::read(const std::string& which, std::string& note) const {
  if (which == "best" || (which.empty() && fs::exists(best()))) return read_checkpoint(best());
  if (has_last()) return read_last(note);
  throw Error(full_path(path_) +
              " holds neither best.safetensors nor last.safetensors: give the folder of a run "
              "that has been evaluated or saved");
}

}  // namespace frost
