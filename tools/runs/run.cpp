#include "tools/runs/run.h"

#include <fmt/format.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include "engine/io/atomic_file.h"
#include "engine/io/folder.h"
#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "tools/reports/run_report.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

constexpr const char *kConfig = "config.yaml", *kFailures = "failures";

void make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw Error("cannot create " + path.string() + ": " + error.message());
}

/// What a killed process did not finish to write.
void remove_unfinished(const fs::path& folder) {
  std::error_code error;
  for (const std::string& name : folder_names(folder)) {
    if (name.ends_with(".tmp")) fs::remove(folder / name, error);
  }
}

/// Of this version or an earlier one.
bool holds_run(const fs::path& path) {
  return fs::exists(path / kConfig) || CheckpointFolder(path).has_last();
}

}  // namespace

Run Run::create(const fs::path& path, const std::string& config) {
  make_folders(path);
  RunLock lock(path);
  if (!holds_run(path) && fs::exists(path / "metrics.csv")) {
    throw Error(path.string() + " holds a metrics.csv that is no run's: choose another --out");
  }
  if (holds_run(path)) {
    throw Error(
        fmt::format("{} already holds a run: choose another --out, or go on with it: train "
                    "--resume {}",
                    path.string(), path.string()));
  }
  Run run(path, std::move(lock));
  run.write_config(config);
  return run;
}

Run Run::create_numbered(const fs::path& parent, const std::string& config) {
  make_folders(parent);
  for (int number = 1;; ++number) {
    const fs::path path = parent / fmt::format("{:04}", number);
    if (::mkdir(path.c_str(), 0777) == 0) return create(path, config);
    if (errno != EEXIST) {
      throw Error("cannot create " + path.string() + ": " + std::generic_category().message(errno));
    }
  }
}

Run Run::open(const fs::path& path) {
  if (!holds_run(path)) {
    throw Error(fmt::format(
        "{} holds no run to resume (neither {} nor checkpoints): begin one: train CONFIG "
        "--out {}",
        full_path(path), kConfig, path.string()));
  }
  Run run(path, RunLock(path));
  remove_unfinished(path);
  remove_unfinished(run.checkpoints_.last().parent_path());
  remove_unfinished(path / kFailures);
  return run;
}

void Run::require_folder() const {
  if (!lock_.in_place(path_)) {
    throw Error(path_.string() + " was removed or replaced while the run was writing in it");
  }
}

std::string Run::config() const {
  constexpr std::uint64_t kLargest = 1 << 20;
  const std::vector<std::byte> bytes = read_regular_file(path_ / kConfig, kLargest);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void Run::write_config(const std::string& yaml) const {
  require_folder();
  write_file_atomically(path_ / kConfig, yaml);
}

void Run::write_last(const SafetensorsFile& state) const {
  require_folder();
  checkpoints_.write_last(state);
}

void Run::write_best(const SafetensorsFile& state) const {
  require_folder();
  checkpoints_.write_best(state);
}

void Run::write_status(const std::vector<std::pair<std::string, std::string>>& fields) const {
  // Composed as text: a tree of the library allocates when it is destroyed, and ends the program
  // where that fails.
  const auto text_of = [](const std::string& text) { return nlohmann::json(text).dump(); };
  std::string lines;
  for (const auto& [key, value] : fields) {
    lines += fmt::format("{}\n  {}: {}", lines.empty() ? "" : ",", text_of(key), text_of(value));
  }
  require_folder();
  write_file_atomically(path_ / "run.json", "{" + lines + "\n}\n");
}

void Run::write_report(const std::string& summary, const std::string& animation) const {
  require_folder();
  write_file_atomically(path_ / "report.html", run_report_html(path_, summary, animation));
}

fs::path Run::write_failure(const SafetensorsFile& state, std::int64_t update) const {
  require_folder();
  const fs::path path = path_ / kFailures / fmt::format("update-{}.safetensors", update);
  write_safetensors(path, state);
  return path;
}

}  // namespace frost
