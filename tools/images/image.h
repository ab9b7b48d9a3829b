#pragma once

#include <filesystem>
#include <vector>

#include "engine/io/preprocessing.h"
#include "engine/io/rgb_image.h"

namespace frost {

/// Decodes a JPEG or PNG file, told apart by content; grey, palette and CMYK become RGB, alpha is
/// dropped and EXIF orientation ignored, as torchvision's `Image.open(path).convert("RGB")` does.
/// Throws Error with one line (file, fault, remedy) where the file is missing, no regular file,
/// truncated, corrupted or of another format, or has more than 2^27 pixels.
RgbImage load_image(const std::filesystem::path& path);

/// Resizes with antialiasing: the filter, a triangle or Keys' cubic of a = -0.5, widens with the
/// reduction factor. In Pillow's 8-bit arithmetic: horizontal pass, rounding to 8 bits, vertical
/// pass; weights have 22 fraction bits. Throws Error where a side is not positive or the result has
/// more than 2^27 pixels.
RgbImage resize_bilinear(const RgbImage& image, int width, int height);
RgbImage resize_bicubic(const RgbImage& image, int width, int height);

/// The input of a network: float32 [3, crop, crop] (docs/weights.md "Preprocessing").
std::vector<float> network_input(const RgbImage& image, const Preprocessing& preprocessing);

/// The same for torchvision's ResNets: shorter side to 256, centre crop 224 x 224, ImageNet mean
/// and standard deviation.
std::vector<float> imagenet_input(const RgbImage& image);

}  // namespace frost
