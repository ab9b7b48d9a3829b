#include "weights/torch_archive/unpacked_archive.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "engine/io/regular_file.h"
#include "weights/sha256.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

/// The folder that holds data.pkl itself; empty where there is none.
fs::path folder_of_pickle(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path / "data.pkl", ignored)) return path;
  if (!fs::is_directory(path, ignored)) return {};
  std::vector<fs::path> inside;
  for (fs::directory_iterator at(path, ignored); at != fs::directory_iterator();
       at.increment(ignored)) {
    inside.push_back(at->path());
    if (inside.size() > 1) return {};
  }
  const bool holds = inside.size() == 1 && fs::is_regular_file(inside[0] / "data.pkl", ignored);
  return holds ? inside[0] : fs::path();
}

class FolderReader : public MemberReader {
 public:
  FolderReader(fs::path folder, std::uint64_t max_bytes)
      : folder_(std::move(folder)), left_(max_bytes) {}

  /// What cannot be looked at counts as there: opening it says why.
  bool has(const std::string& name) const override {
    std::error_code error;
    return fs::exists(folder_ / name, error) || error;
  }

  std::optional<ArchiveMember> find(const std::string& name) override {
    if (!has(name)) return std::nullopt;
    const SharedBytes bytes = RegularFile(folder_ / name, left_).read();
    left_ -= bytes.size();
    digests_ += fmt::format("{} {}\n", name, sha256_hex(bytes));
    return ArchiveMember{bytes, 0};
  }

  std::string sha256() const { return sha256_hex(std::as_bytes(std::span(digests_))); }

 private:
  fs::path folder_;
  std::uint64_t left_;
  std::string digests_;
};

}  // namespace

bool is_unpacked_archive(const fs::path& path) {
  return !folder_of_pickle(path).empty();
}

UnpackedArchive read_unpacked_archive(const fs::path& path, std::uint64_t max_bytes) {
  const fs::path folder = folder_of_pickle(path);
  FolderReader members(folder, max_bytes);
  ArchiveObject object = read_archive_object(members, folder.string());
  return {std::move(object), members.sha256()};
}

}  // namespace frost
