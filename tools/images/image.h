#pragma once

#include <filesystem>
#include <vector>

#include "engine/io/rgb_image.h"

namespace frost {

/// Decodes a JPEG or PNG file, told apart by content; grey, palette and CMYK become RGB, alpha is
/// dropped and EXIF orientation ignored, as torchvision's `Image.open(path).convert("RGB")` does.
/// Throws Error with one line (file, fault, remedy) where the file is missing, no regular file,
/// truncated, corrupted or of another format, or has more than 2^27 pixels.
RgbImage load_image(const std::filesystem::path& path);

/// Resizes with a triangle filter that widens with the reduction factor (antialiasing), in Pillow's
/// 8-bit arithmetic: horizontal pass, rounding to 8 bits, vertical pass; weights have 22 fraction
/// bits. Throws Error where a side is not positive or the result has more than 2^27 pixels.
RgbImage resize_bilinear(const RgbImage& image, int width, int height);

/// The input of an ImageNet classifier: shorter side to 256, centre crop 224 x 224, ImageNet mean
/// and standard deviation; float32 [3, 224, 224] (docs/weights.md "Inference transform").
std::vector<float> imagenet_input(const RgbImage& image);

}  // namespace frost
