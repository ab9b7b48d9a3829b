#pragma once

#include <filesystem>
#include <vector>

#include "engine/io/rgb_image.h"

namespace frost {

/// All PNG and JPEG files of a folder, told by their extensions, in order of their names: the
/// middle of each in the wanted proportions, resized to `width` x `height`.
///
/// Throws UsageError where there is no such folder or no picture in it, Error where one cannot be
/// read.
std::vector<RgbImage> load_picture_folder(const std::filesystem::path& folder, int width,
                                          int height);

}  // namespace frost
