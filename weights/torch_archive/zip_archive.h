#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace frost {

/// The members of a stored (uncompressed) zip archive in memory, checked in full on construction:
/// central directory and local records agree and do not overlap, names are unique also after case
/// folding and lie under one root folder, every CRC-32 matches (docs/weights.md "Zip archive").
/// Zip libraries show the central directory only, which is how two readers come to see two files.
class ZipArchive {
 public:
  /// `image` must outlive the archive; `origin` names it in errors. Throws Error.
  ZipArchive(std::span<const std::byte> image, const std::string& origin);

  /// Bytes of `name` (without the root folder), or null where there is no such member.
  const std::span<const std::byte>* find(std::string_view name) const;
  /// As find, but throws Error where there is no such member.
  std::span<const std::byte> member(std::string_view name) const;

 private:
  std::string origin_;
  std::uint64_t directory_ = 0;  ///< offset of the central directory
  std::map<std::string, std::span<const std::byte>, std::less<>> members_;
};

}  // namespace frost
