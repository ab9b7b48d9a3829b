#include "tools/images/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "kernels/errors.h"
#include "tools/images/image_codecs.h"

namespace frost {
namespace {

constexpr int kResizeSide = 256;
constexpr int kCropSide = 224;
constexpr int kChannels = 3;
constexpr int kWeightBits = 22;
constexpr std::array<float, kChannels> kMean = {0.485F, 0.456F, 0.406F};
constexpr std::array<float, kChannels> kStd = {0.229F, 0.224F, 0.225F};

/// Where one output element gathers from along one axis: `weights[0]` belongs to input `first`.
struct Window {
  int first = 0;
  std::vector<std::int32_t> weights;
};

Window make_window(int index, int in_size, int out_size) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double reach = std::max(scale, 1.0);
  const double center = (index + 0.5) * scale;
  Window window;
  window.first = std::max(static_cast<int>(center - reach + 0.5), 0);
  const int last = std::min(static_cast<int>(center + reach + 0.5), in_size);

  std::vector<double> weights;
  double sum = 0.0;
  for (int i = window.first; i < last; ++i) {
    // The reciprocal is taken first: a division here rounds differently in rare last bits.
    const double distance = std::abs((i - center + 0.5) * (1.0 / reach));
    weights.push_back(std::max(1.0 - distance, 0.0));
    sum += weights.back();
  }
  for (const double weight : weights) {
    window.weights.push_back(static_cast<std::int32_t>(0.5 + weight / sum * (1 << kWeightBits)));
  }
  return window;
}

std::vector<Window> make_windows(int in_size, int out_size) {
  std::vector<Window> windows;
  windows.reserve(static_cast<std::size_t>(out_size));
  for (int i = 0; i < out_size; ++i) windows.push_back(make_window(i, in_size, out_size));
  return windows;
}

std::uint8_t gather(const std::uint8_t* source, std::size_t stride, const Window& window) {
  std::int32_t sum = 1 << (kWeightBits - 1);
  const std::uint8_t* value = source + static_cast<std::size_t>(window.first) * stride;
  for (const std::int32_t weight : window.weights) {
    sum += weight * *value;
    value += stride;
  }
  return static_cast<std::uint8_t>(std::min(sum >> kWeightBits, 255));
}

RgbImage make_image(int width, int height) {
  const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  return {width, height, std::vector<std::uint8_t>(pixels * kChannels)};
}

RgbImage resize_width(const RgbImage& image, int width) {
  RgbImage out = make_image(width, image.height);
  const std::vector<Window> windows = make_windows(image.width, width);
  std::uint8_t* target = out.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    const std::size_t row = static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width);
    const std::uint8_t* source = image.pixels.data() + row * kChannels;
    for (const Window& window : windows) {
      for (int c = 0; c < kChannels; ++c) *target++ = gather(source + c, kChannels, window);
    }
  }
  return out;
}

RgbImage resize_height(const RgbImage& image, int height) {
  RgbImage out = make_image(image.width, height);
  const std::size_t row = static_cast<std::size_t>(image.width) * kChannels;
  std::uint8_t* target = out.pixels.data();
  for (const Window& window : make_windows(image.height, height)) {
    for (std::size_t i = 0; i < row; ++i) *target++ = gather(&image.pixels[i], row, window);
  }
  return out;
}

void check_size(int width, int height) {
  if (width > 0 && height > 0 && std::int64_t{width} * height <= kMaxImagePixels) return;
  fail("image",
       fmt::format("cannot make an image of {} x {} pixels: sides must be positive and the "
                   "area at most 2^27; give an image of a less extreme shape",
                   width, height));
}

RgbImage resize_shorter_side(const RgbImage& image, int side) {
  const std::int64_t shorter = std::min(image.width, image.height);
  const std::int64_t longer = std::max(image.width, image.height);
  const int scaled = static_cast<int>(side * longer / shorter);
  return image.width <= image.height ? resize_bilinear(image, side, scaled)
                                     : resize_bilinear(image, scaled, side);
}

/// Half of `margin`, halves to the even number.
int half_to_even(int margin) {
  const int half = margin / 2;
  return margin % 2 == 0 ? half : half + half % 2;
}

}  // namespace

RgbImage resize_bilinear(const RgbImage& image, int width, int height) {
  check_size(image.width, image.height);
  check_size(width, height);
  check_size(width, image.height);
  return resize_height(resize_width(image, width), height);
}

std::vector<float> imagenet_input(const RgbImage& image) {
  check_size(image.width, image.height);
  const RgbImage resized = resize_shorter_side(image, kResizeSide);
  const int top = half_to_even(resized.height - kCropSide);
  const int left = half_to_even(resized.width - kCropSide);
  std::vector<float> input;
  input.reserve(std::size_t{kChannels} * kCropSide * kCropSide);
  for (std::size_t c = 0; c < kChannels; ++c) {
    for (int y = top; y < top + kCropSide; ++y) {
      for (int x = left; x < left + kCropSide; ++x) {
        const std::size_t pixel =
            static_cast<std::size_t>(y) * static_cast<std::size_t>(resized.width) +
            static_cast<std::size_t>(x);
        const auto value = static_cast<float>(resized.pixels[pixel * kChannels + c]) / 255.0F;
        input.push_back((value - kMean[c]) / kStd[c]);
      }
    }
  }
  return input;
}

}  // namespace frost
