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

constexpr int kChannels = 3;
constexpr int kWeightBits = 22;

/// Weights of neighbours by their distance, which are 0 from `reach` on.
struct Filter {
  double reach;
  double (*weight)(double distance);
};

constexpr Filter kTriangle = {1.0, [](double x) { return std::max(1.0 - x, 0.0); }};
/// Keys' cubic convolution of a = -0.5, as Pillow has it.
constexpr Filter kCubic = {2.0, [](double x) {
                             constexpr double a = -0.5;
                             if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
                             if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
                             return 0.0;
                           }};

/// Where one output element gathers from along one axis: `weights[0]` belongs to input `first`.
struct Window {
  int first = 0;
  std::vector<std::int32_t> weights;
};

Window make_window(int index, int in_size, int out_size, const Filter& filter) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double stretch = std::max(scale, 1.0), reach = filter.reach * stretch;
  const double center = (index + 0.5) * scale;
  Window window;
  window.first = std::max(static_cast<int>(center - reach + 0.5), 0);
  const int last = std::min(static_cast<int>(center + reach + 0.5), in_size);

  std::vector<double> weights;
  double sum = 0.0;
  for (int i = window.first; i < last; ++i) {
    // The reciprocal is taken first: a division here rounds differently in rare last bits.
    weights.push_back(filter.weight(std::abs((i - center + 0.5) * (1.0 / stretch))));
    sum += weights.back();
  }
  for (const double weight : weights) {
    const double scaled = weight / sum * (1 << kWeightBits);
    window.weights.push_back(static_cast<std::int32_t>(scaled + (scaled < 0 ? -0.5 : 0.5)));
  }
  return window;
}

std::vector<Window> make_windows(int in_size, int out_size, const Filter& filter) {
  std::vector<Window> windows;
  windows.reserve(static_cast<std::size_t>(out_size));
  for (int i = 0; i < out_size; ++i) windows.push_back(make_window(i, in_size, out_size, filter));
  return windows;
}

std::uint8_t gather(const std::uint8_t* source, std::size_t stride, const Window& window) {
  std::int32_t sum = 1 << (kWeightBits - 1);
  const std::uint8_t* value = source + static_cast<std::size_t>(window.first) * stride;
  for (const std::int32_t weight : window.weights) {
    sum += weight * *value;
    value += stride;
  }
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

RgbImage make_image(int width, int height) {
  const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  return {width, height, std::vector<std::uint8_t>(pixels * kChannels)};
}

RgbImage resize_width(const RgbImage& image, int width, const Filter& filter) {
  RgbImage out = make_image(width, image.height);
  const std::vector<Window> windows = make_windows(image.width, width, filter);
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

RgbImage resize_height(const RgbImage& image, int height, const Filter& filter) {
  RgbImage out = make_image(image.width, height);
  const std::size_t row = static_cast<std::size_t>(image.width) * kChannels;
  std::uint8_t* target = out.pixels.data();
  for (const Window& window : make_windows(image.height, height, filter)) {
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

RgbImage resized(const RgbImage& image, int width, int height, const Filter& filter) {
  check_size(image.width, image.height);
  check_size(width, height);
  check_size(width, image.height);
  return resize_height(resize_width(image, width, filter), height, filter);
}

RgbImage resize_shorter_side(const RgbImage& image, int side, const Filter& filter) {
  check_size(image.width, image.height);
  const std::int64_t shorter = std::min(image.width, image.height);
  const std::int64_t longer = std::max(image.width, image.height);
  const int scaled = static_cast<int>(side * longer / shorter);
  return image.width <= image.height ? resized(image, side, scaled, filter)
                                     : resized(image, scaled, side, filter);
}

/// Half of `margin`, halves to the even number.
int half_to_even(int margin) {
  const int half = margin / 2;
  return margin % 2 == 0 ? half : half + half % 2;
}

}  // namespace

RgbImage resize_bilinear(const RgbImage& image, int width, int height) {
  return resized(image, width, height, kTriangle);
}

RgbImage resize_bicubic(const RgbImage& image, int width, int height) {
  return resized(image, width, height, kCubic);
}

std::vector<float> network_input(const RgbImage& image, const Preprocessing& preprocessing) {
  const int side = preprocessing.crop;
  const RgbImage resized = resize_shorter_side(
      image, preprocessing.resize, preprocessing.interpolation == "bicubic" ? kCubic : kTriangle);
  const int top = half_to_even(resized.height - side), left = half_to_even(resized.width - side);
  const bool reversed = preprocessing.channels == "bgr";
  std::vector<float> input;
  input.reserve(static_cast<std::size_t>(kChannels * side) * static_cast<std::size_t>(side));
  for (std::size_t c = 0; c < kChannels; ++c) {
    const std::size_t source = reversed ? kChannels - 1 - c : c;
    for (int y = top; y < top + side; ++y) {
      for (int x = left; x < left + side; ++x) {
        const std::size_t pixel =
            static_cast<std::size_t>(y) * static_cast<std::size_t>(resized.width) +
            static_cast<std::size_t>(x);
        const auto value = static_cast<float>(resized.pixels[pixel * kChannels + source]) / 255.0F;
        input.push_back((value - preprocessing.mean[c]) / preprocessing.deviation[c]);
      }
    }
  }
  return input;
}

std::vector<float> imagenet_input(const RgbImage& image) {
  return network_input(image, {});
}

}  // namespace frost
