#include "weights/torch_archive/unpacked_archive.h"

#include <fmt/format.h>

#include <optional>
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
  for (const auto& entry : fs::directory_iterator(path, ignored)) {
    inside.push_back(entry.path());
    if (inside.size() > 1) return {};
  }
  const bool holds = inside.size() == 1 && fs::is_regular_file(inside[0] / "data.pkl", ignored);
  return holds ? inside[0] : fs::path();
}

}  // namespace

bool is_unpacked_archive(const fs::path& path) {
  return !folder_of_pickle(path).empty();
}

UnpackedArchive read_unpacked_archive(const fs::path& path, std::uint64_t max_bytes) {
  const fs::path folder = folder_of_pickle(path);
  std::uint64_t left = max_bytes;
  std::string digests;
  const auto member = [&](const std::string& name) -> std::optional<ArchiveMember> {
    if (!fs::exists(folder / name)) return std::nullopt;
    const SharedBytes bytes = RegularFile(folder / name, left).read();
    left -= bytes.size();
    digests += fmt::format("{} {}\n", name, sha256_hex(bytes));
    return ArchiveMember{bytes, 0};
  };
  ArchiveObject object = read_archive_object(
      member, [] { return 0; }, folder.string());
  return {std::move(object), sha256_hex(std::as_bytes(std::span(digests)))};
}

}  // namespace frost
