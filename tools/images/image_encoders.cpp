#include "tools/images/image_encoders.h"

#include <fmt/format.h>
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <vector>

#include "kernels/errors.h"

#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace frost {
namespace {

constexpr std::size_t kPaletteSize = 256;
constexpr GifByteType kUnchanged = 255;  ///< the index that lets the frame before show through

std::vector<GifColorType> commonest_colours(
    const std::unordered_map<std::uint32_t, std::int64_t>& counts) {
  std::vector<std::pair<std::int64_t, std::uint32_t>> order;
  for (const auto& [colour, count] : counts) order.emplace_back(-count, colour);
  std::sort(order.begin(), order.end());
  order.resize(std::min(order.size(), kPaletteSize - 1));
  std::vector<GifColorType> palette;
  for (const auto& [count, colour] : order) {
    palette.push_back({static_cast<GifByteType>(colour >> 16 & 255),
                       static_cast<GifByteType>(colour >> 8 & 255),
                       static_cast<GifByteType>(colour & 255)});
  }
  return palette;
}

GifByteType nearest(const std::vector<GifColorType>& palette, std::uint32_t colour) {
  const int red = static_cast<int>(colour >> 16 & 255), green = static_cast<int>(colour >> 8 & 255),
            blue = static_cast<int>(colour & 255);
  int best = std::numeric_limits<int>::max();
  std::size_t at = 0;
  for (std::size_t i = 0; i < palette.size(); ++i) {
    const int r = palette[i].Red - red, g = palette[i].Green - green, b = palette[i].Blue - blue;
    const int distance = r * r + g * g + b * b;
    if (distance < best) best = distance, at = i;
  }
  return static_cast<GifByteType>(at);
}

std::vector<std::uint32_t> colours_of(const RgbImage& image) {
  std::vector<std::uint32_t> colours(image.pixels.size() / 3);
  for (std::size_t i = 0; i < colours.size(); ++i) {
    const std::uint8_t* pixel = image.pixels.data() + 3 * i;
    colours[i] = std::uint32_t{pixel[0]} << 16 | std::uint32_t{pixel[1]} << 8 | pixel[2];
  }
  return colours;
}

struct IndexedFrame {
  std::vector<GifColorType> palette;  ///< 256 colours
  std::vector<GifByteType> indices;
};

/// `frame` where it differs from `before`, which may be empty.
IndexedFrame index_changes(const std::vector<std::uint32_t>& frame,
                           const std::vector<std::uint32_t>& before) {
  const auto changed = [&](std::size_t i) { return before.empty() || frame[i] != before[i]; };
  std::unordered_map<std::uint32_t, std::int64_t> counts;
  for (std::size_t i = 0; i < frame.size(); ++i) {
    if (changed(i)) ++counts[frame[i]];
  }
  IndexedFrame result{commonest_colours(counts), {}};
  std::unordered_map<std::uint32_t, GifByteType> index;
  for (const auto& [colour, count] : counts) index[colour] = nearest(result.palette, colour);
  for (std::size_t i = 0; i < frame.size(); ++i) {
    result.indices.push_back(changed(i) ? index[frame[i]] : kUnchanged);
  }
  result.palette.resize(kPaletteSize);
  return result;
}

}  // namespace

std::string encode_png(const RgbImage& image) {
  std::string file;
  const auto append = [](void* context, void* data, int size) {
    static_cast<std::string*>(context)->append(static_cast<const char*>(data),
                                               static_cast<std::size_t>(size));
  };
  if (stbi_write_png_to_func(append, &file, image.width, image.height, 3, image.pixels.data(),
                             3 * image.width) == 0) {
    throw Error(
        fmt::format("a picture of {} x {} could not be encoded as PNG", image.width, image.height));
  }
  return file;
}

struct GifAnimation::Encoder {
  int width, height;
  std::string file{};
  std::vector<std::uint32_t> before{};  ///< the latest frame
  GifFileType* gif = nullptr;

  void check(int status) const {
    if (status == GIF_OK) return;
    throw Error(fmt::format("an animation of {} x {} could not be encoded as GIF: {}", width,
                            height, gif == nullptr ? "out of memory" : GifErrorString(gif->Error)));
  }
  static int append(GifFileType* gif, const GifByteType* data, int size) {
    static_cast<Encoder*>(gif->UserData)
        ->file.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    return size;
  }
};

GifAnimation::GifAnimation(int width, int height)
    : encoder_(std::make_unique<Encoder>(Encoder{width, height})) {
  Encoder& e = *encoder_;
  if (std::min(width, height) < 1 || std::max(width, height) > 65535) {
    throw Error(fmt::format("an animation of {} x {} is not possible: 1 to 65535", width, height));
  }
  e.gif = EGifOpen(&e, &Encoder::append, nullptr);
  e.check(e.gif == nullptr ? GIF_ERROR : GIF_OK);
  EGifSetGifVersion(e.gif, true);
  e.check(EGifPutScreenDesc(e.gif, width, height, 8, 0, nullptr));
  // Netscape's extension: repeat, 0 times meaning for ever.
  e.check(EGifPutExtensionLeader(e.gif, APPLICATION_EXT_FUNC_CODE));
  e.check(EGifPutExtensionBlock(e.gif, 11, "NETSCAPE2.0"));
  e.check(EGifPutExtensionBlock(e.gif, 3, "\x01\x00\x00"));
  e.check(EGifPutExtensionTrailer(e.gif));
}

GifAnimation::~GifAnimation() {
  if (encoder_->gif != nullptr) EGifCloseFile(encoder_->gif, nullptr);
}

void GifAnimation::add(const RgbImage& frame, int centiseconds) {
  Encoder& e = *encoder_;
  if (e.gif == nullptr || frame.width != e.width || frame.height != e.height) {
    throw Error(fmt::format("a frame of {} x {} does not fit an animation of {} x {}{}",
                            frame.width, frame.height, e.width, e.height,
                            e.gif == nullptr ? ", which is finished" : ""));
  }
  std::vector<std::uint32_t> colours = colours_of(frame);
  IndexedFrame image = index_changes(colours, e.before);
  const int transparent = e.before.empty() ? NO_TRANSPARENT_COLOR : kUnchanged;
  e.before = std::move(colours);
  const std::unique_ptr<ColorMapObject, void (*)(ColorMapObject*)> palette(
      GifMakeMapObject(static_cast<int>(kPaletteSize), image.palette.data()), GifFreeMapObject);
  const GraphicsControlBlock control{DISPOSE_DO_NOT, false, centiseconds, transparent};
  std::array<GifByteType, 4> extension{};
  EGifGCBToExtension(&control, extension.data());
  e.check(EGifPutExtension(e.gif, GRAPHICS_EXT_FUNC_CODE, static_cast<int>(extension.size()),
                           extension.data()));
  e.check(EGifPutImageDesc(e.gif, 0, 0, e.width, e.height, false, palette.get()));
  for (int row = 0; row < e.height; ++row) {
    e.check(EGifPutLine(e.gif, image.indices.data() + std::ptrdiff_t{row} * e.width, e.width));
  }
}

std::string GifAnimation::finish() {
  GifFileType* gif = encoder_->gif;
  if (gif == nullptr) throw Error("an animation is finished once");
  int fault = 0;
  encoder_->gif = nullptr;
  if (EGifCloseFile(gif, &fault) != GIF_OK) {
    throw Error(fmt::format("an animation could not be ended: {}", GifErrorString(fault)));
  }
  return std::move(encoder_->file);
}

}  // namespace frost
