#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tools/images/image.h"

namespace frost {

/// The content of a file.
using FileBytes = std::span<const std::uint8_t>;

/// Larger images are refused: a file of a few kilobytes can declare gigabytes.
inline constexpr std::int64_t kMaxImagePixels = std::int64_t{1} << 27;

/// Decodes a JPEG file image with libjpeg (accurate integer DCT, smooth chroma upsampling).
/// Throws Error naming `origin` where data is missing or damaged.
RgbImage decode_jpeg(FileBytes file, const std::string& origin);

/// Decodes a PNG file image, after checking the length and CRC-32 of every chunk.
/// Throws Error naming `origin` where data is missing or damaged.
RgbImage decode_png(FileBytes file, const std::string& origin);

}  // namespace frost
