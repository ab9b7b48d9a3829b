#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/io/shared_bytes.h"
#include "engine/state_dict.h"

namespace frost {

/// One named run of bytes of an archive.
struct ArchiveMember {
  SharedBytes bytes;
  std::uint64_t offset = 0;  ///< in the file, for messages
};

/// The members of an archive, wherever they are; names are without the root folder.
class MemberReader {
 public:
  virtual ~MemberReader() = default;
  virtual bool has(const std::string& name) const = 0;
  /// Nothing where there is none. Throws Error.
  virtual std::optional<ArchiveMember> find(const std::string& name) = 0;
  /// Bytes that the members read until now take beside the file.
  virtual std::int64_t copied() const { return 0; }
};

/// The object of a file of torch.save, and what tells it from one of another kind.
struct ArchiveObject {
  StateDict tensors;
  std::map<std::string, std::string> config = {};  ///< `pretrained_config`
  std::vector<std::string> stand_ins = {};         ///< what it holds in place of tensors
  bool torchscript = false;  ///< written by torch.jit.save; its code is not looked at
};

/// Reads `data.pkl` and the storages that it names from an archive of torch.save or torch.jit.save,
/// wherever its members are. Throws Error; `origin` names the archive.
ArchiveObject read_archive_object(MemberReader& members, const std::string& origin);

}  // namespace frost
