#include "tools/runs/library_digest.h"

#include <fmt/format.h>

#include "engine/io/atomic_file.h"
#include "rl/plugin/environment_library.h"
#include "weights/sha256.h"

namespace frost {

std::string library_sha256(const Config& config) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 32;
  if (!names_library(config.environment_name)) return "";
  return sha256_hex(read_regular_file(config.environment_name, kLargest));
}

std::string library_note(const std::map<std::string, std::string>& metadata, const Config& config) {
  const auto before = metadata.find(kLibraryKey);
  if (before == metadata.end() || !names_library(config.environment_name)) return "";
  const std::string now = library_sha256(config);
  if (now == before->second) return "";
  return fmt::format("note: {} is another build than the checkpoint's (sha256 {}, was {})",
                     config.environment_name, now, before->second);
}

}  // namespace frost
