#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "weights/torch_archive/archive_object.h"

namespace frost {

/// Whether `image` begins with the magic-number pickle of torch.save before 1.6.
bool is_legacy_stream(std::span<const std::byte> image);

/// Reads five pickles back to back and the raw storages behind them (docs/weights.md
/// "Legacy stream"). Throws Error.
ArchiveObject read_legacy_stream(const SharedBytes& image, const std::string& origin);

}  // namespace frost
