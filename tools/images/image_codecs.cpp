#include "tools/images/image_codecs.h"

// libjpeg's header needs std::FILE and size_t declared before it.
#include <cstddef>
#include <cstdio>
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <fmt/format.h>
#include <stb/stb_image.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csetjmp>
#include <cstring>
#include <memory>
#include <string_view>

#include "engine/io/atomic_file.h"
#include "kernels/errors.h"

namespace frost {
namespace {

[[noreturn]] void fail_image(const std::string& origin, std::string_view fault,
                             std::string_view remedy) {
  fail("image", fmt::format("{}: {}; {}", origin, fault, remedy));
}

[[noreturn]] void fail_damaged(const std::string& origin, std::string_view fault) {
  fail_image(origin, fault, "fetch or export the file again");
}

void check_dimensions(const std::string& origin, std::int64_t width, std::int64_t height) {
  if (width > 0 && height > 0 && width * height <= kMaxImagePixels) return;
  fail_image(origin, fmt::format("declares {} x {} pixels, more than 2^27 or none", width, height),
             "reduce the image before");
}

bool starts_with(FileBytes file, std::string_view magic) {
  return file.size() >= magic.size() && std::memcmp(file.data(), magic.data(), magic.size()) == 0;
}

constexpr std::string_view kJpegMagic = "\xFF\xD8\xFF";
constexpr std::string_view kPngMagic = "\x89PNG\r\n\x1A\n";

/// libjpeg's error manager with a place to jump to; `base` comes first because libjpeg knows only
/// that.
struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf escape;
  std::array<char, JMSG_LENGTH_MAX> message;
};

void jpeg_give_up(j_common_ptr codec) {
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  codec->err->format_message(codec, errors->message.data());
  std::longjmp(errors->escape, 1);
}

/// libjpeg paints grey where data is missing and goes on; such warnings count as errors here. The
/// others (stray bytes between markers, odd versions) leave the pixels right.
void jpeg_on_message(j_common_ptr codec, int level) {
  if (level >= 0) return;
  switch (codec->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      jpeg_give_up(codec);
      break;
    default:
      break;
  }
}

/// One row of Adobe's inverted CMYK to RGB; `row` holds 4 * width bytes and gets 3 * width.
void cmyk_row_to_rgb(std::uint8_t* row, int width) {
  for (int x = 0; x < width; ++x) {
    const std::array<int, 4> inverted = {row[4 * x], row[4 * x + 1], row[4 * x + 2],
                                         row[4 * x + 3]};
    const int white = inverted[3];
    for (std::size_t c = 0; c < 3; ++c) {
      const int product = (255 - inverted[c]) * white + 128;
      row[3 * x + static_cast<int>(c)] =
          static_cast<std::uint8_t>(white - (((product >> 8) + product) >> 8));
    }
  }
}

/// Decodes into `image`, using `row` as scratch. Returns false with the message in `errors` on a
/// fault. All objects with destructors belong to the caller, since a fault leaves by longjmp.
bool run_jpeg(jpeg_decompress_struct& codec, JpegErrors& errors, FileBytes file, RgbImage& image,
              std::vector<std::uint8_t>& row) {
  if (setjmp(errors.escape) != 0) return false;
  jpeg_create_decompress(&codec);
  jpeg_mem_src(&codec, file.data(), file.size());
  jpeg_read_header(&codec, TRUE);
  if (std::int64_t{codec.image_width} * codec.image_height > kMaxImagePixels) {
    std::snprintf(errors.message.data(), errors.message.size(),
                  "declares %u x %u pixels, limit 2^27", codec.image_width, codec.image_height);
    return false;
  }
  const bool four_inks = codec.jpeg_color_space == JCS_CMYK || codec.jpeg_color_space == JCS_YCCK;
  codec.out_color_space = four_inks ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&codec);
  image.width = static_cast<int>(codec.output_width);
  image.height = static_cast<int>(codec.output_height);
  const std::size_t row_bytes = std::size_t{codec.output_width} * 3;
  image.pixels.resize(row_bytes * codec.output_height);
  row.resize(std::size_t{codec.output_width} * 4);
  while (codec.output_scanline < codec.output_height) {
    std::uint8_t* target = image.pixels.data() + row_bytes * codec.output_scanline;
    std::uint8_t* scratch = row.data();
    jpeg_read_scanlines(&codec, &scratch, 1);
    if (four_inks) cmyk_row_to_rgb(scratch, image.width);
    std::memcpy(target, scratch, row_bytes);
  }
  jpeg_finish_decompress(&codec);
  return true;
}

std::uint32_t crc32(const std::uint8_t* data, std::size_t size) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0xEDB88320U : 0U);
      entries[i] = value;
    }
    return entries;
  }();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (std::size_t i = 0; i < size; ++i) crc = (crc >> 8) ^ table[(crc ^ data[i]) & 0xFFU];
  return ~crc;
}

std::uint32_t read_big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
}

/// Walks length, type, data, CRC of every chunk up to IEND; stb_image itself checks no CRC.
void check_png_chunks(FileBytes file, const std::string& origin) {
  constexpr std::size_t kFrame = 12;  // length, type and CRC
  std::size_t offset = kPngMagic.size();
  while (true) {
    const std::size_t left = file.size() - offset;
    const std::uint8_t* chunk = file.data() + offset;
    if (left < kFrame || read_big_endian(chunk) > left - kFrame) {
      fail_damaged(origin, fmt::format("PNG is truncated at byte {}", file.size()));
    }
    const std::size_t length = read_big_endian(chunk);
    if (crc32(chunk + 4, length + 4) != read_big_endian(chunk + 8 + length)) {
      fail_damaged(origin, fmt::format("PNG chunk at byte {} is corrupted (wrong CRC-32)", offset));
    }
    if (std::memcmp(chunk + 4, "IEND", 4) == 0) return;
    offset += length + kFrame;
  }
}

}  // namespace

RgbImage decode_jpeg(FileBytes file, const std::string& origin) {
  jpeg_decompress_struct codec{};
  JpegErrors errors{};
  codec.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = jpeg_give_up;
  errors.base.emit_message = jpeg_on_message;
  const std::unique_ptr<jpeg_decompress_struct, decltype(&jpeg_destroy_decompress)> cleanup(
      &codec, &jpeg_destroy_decompress);
  RgbImage image;
  std::vector<std::uint8_t> row;
  if (!run_jpeg(codec, errors, file, image, row)) {
    fail_damaged(origin, fmt::format("JPEG cannot be decoded: {}", errors.message.data()));
  }
  return image;
}

RgbImage decode_png(FileBytes file, const std::string& origin) {
  check_png_chunks(file, origin);
  const auto size = static_cast<int>(file.size());
  RgbImage image;
  int channels = 0;
  if (stbi_info_from_memory(file.data(), size, &image.width, &image.height, &channels) != 0) {
    check_dimensions(origin, image.width, image.height);
    const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> pixels(
        stbi_load_from_memory(file.data(), size, &image.width, &image.height, &channels, 3),
        &stbi_image_free);
    if (pixels) {
      const std::int64_t bytes = std::int64_t{image.width} * image.height * 3;
      image.pixels.assign(pixels.get(), pixels.get() + bytes);
      return image;
    }
  }
  fail_damaged(origin, fmt::format("PNG cannot be decoded: {}", stbi_failure_reason()));
}

RgbImage load_image(const std::filesystem::path& path) {
  // stb_image counts bytes in int.
  const std::vector<std::byte> bytes = read_regular_file(path, INT_MAX);
  const FileBytes file(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (starts_with(file, kJpegMagic)) return decode_jpeg(file, path.string());
  if (starts_with(file, kPngMagic)) return decode_png(file, path.string());
  fail_image(path.string(), file.empty() ? "file is empty" : "is neither a JPEG nor a PNG file",
             "convert it to one of these");
}

}  // namespace frost
