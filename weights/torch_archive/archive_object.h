#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "engine/io/shared_bytes.h"
#include "engine/state_dict.h"

namespace frost {

/// One named run of bytes of an archive.
struct ArchiveMember {
  SharedBytes bytes;
  std::uint64_t offset = 0;  ///< in the file, for messages
};

/// The member of that name, without the root folder, or nothing where there is none.
using MemberReader = std::function<std::optional<ArchiveMember>(const std::string& name)>;

/// The object and what tells it from an archive of another kind.
struct ArchiveObject {
  StateDict tensors;
  std::map<std::string, std::string> config = {};  ///< `pretrained_config`
  bool torchscript = false;  ///< written by torch.jit.save; its code is not looked at
};

/// Reads `data.pkl` and the storages that it names from an archive of torch.save or torch.jit.save,
/// wherever its members are. `copied` says how many bytes the members took beside the file until
/// it is called. Throws Error; `origin` names the archive.
ArchiveObject read_archive_object(const MemberReader& member,
                                  const std::function<std::int64_t()>& copied,
                                  const std::string& origin);

}  // namespace frost
