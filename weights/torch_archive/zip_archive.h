#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "weights/torch_archive/archive_object.h"

namespace frost {

/// The members of a zip archive in memory, checked on construction: central directory and local
/// records agree and do not overlap, names are unique also after case folding and lie under one
/// root folder, every CRC-32 of a stored member matches (docs/weights.md "Zip archive"). Zip
/// libraries show the central directory only, which is how two readers come to see two files.
class ZipArchive : public MemberReader {
 public:
  /// `origin` names the file in errors. Throws Error.
  ZipArchive(const SharedBytes& image, const std::string& origin);

  bool has(const std::string& name) const override { return members_.contains(name); }
  /// Stored members are parts of the image; deflated ones are inflated at the first call, together
  /// at most kMaxCopied.
  std::optional<ArchiveMember> find(const std::string& name) override;
  /// Bytes that were inflated until now.
  std::int64_t copied() const override { return inflated_; }
  /// Whether every CRC-32 is zero, as torch.save writes them with its checksums switched off.
  bool without_checksums() const { return without_checksums_; }

 private:
  struct Member {
    std::span<const std::byte> bytes;
    std::uint64_t local = 0, size = 0;
    std::uint32_t crc = 0;
    bool deflated = false;
    SharedBytes inflated = {};
  };

  SharedBytes inflate(const std::string& name, const Member& member);
  void require_crc(const std::string& name, const Member& member,
                   std::span<const std::byte> bytes) const;

  SharedBytes image_;
  std::string origin_;
  std::map<std::string, Member> members_;
  std::int64_t inflated_ = 0;
  bool without_checksums_ = false;
};

}  // namespace frost
