#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "weights/torch_archive/archive_object.h"

namespace frost {

/// Whether `image` is a tar archive, the container of torch.save until early 2017.
bool is_tar_container(std::span<const std::byte> image);

/// Reads the members sys_info, storages, tensors and pickle in memory; nothing is extracted
/// (docs/weights.md "Tar container"). Throws Error.
ArchiveObject read_tar_container(const SharedBytes& image, const std::string& origin);

}  // namespace frost
