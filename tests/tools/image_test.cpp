#include "tools/images/image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "kernels/errors.h"
#include "tests/golden_files.h"
#include "weights/npy.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

class ImageTest : public ::testing::Test {
 protected:
  ImageTest() : golden_(read_safetensors(golden_path("image.safetensors")).tensors) {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(::testing::TempDir()) / (std::string("frost_image_") + info->name());
    fs::create_directories(folder_);
  }
  ~ImageTest() override { fs::remove_all(folder_); }

  std::vector<std::uint8_t> golden_bytes(const std::string& name) const {
    return golden_.at(name).to_bytes(name);
  }

  RgbImage golden_image(const std::string& name) const {
    const auto& shape = golden_.at(name).shape;
    return {static_cast<int>(shape[1]), static_cast<int>(shape[0]), golden_bytes(name)};
  }

  /// Names in the golden file of the form `prefix`X`suffix`: the list of X.
  std::vector<std::string> cases(const std::string& prefix, const std::string& suffix) const {
    std::vector<std::string> found;
    for (const auto& [name, tensor] : golden_) {
      if (name.starts_with(prefix) && name.ends_with(suffix)) {
        found.push_back(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
      }
    }
    return found;
  }

  fs::path write(const std::string& name, const std::vector<std::uint8_t>& bytes) const {
    const fs::path path = folder_ / name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    return path;
  }

  StateDict golden_;
  fs::path folder_;
};

int largest_difference(const RgbImage& a, const RgbImage& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.pixels.size(), b.pixels.size());
  if (a.pixels.size() != b.pixels.size()) return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  }
  return largest;
}

/// The message of the Error that loading `path` throws; empty where it throws none.
std::string load_error(const fs::path& path) {
  try {
    load_image(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void expect_one_line(const std::string& message, const fs::path& path, const std::string& fault) {
  EXPECT_NE(message.find(path.string()), std::string::npos) << message;
  EXPECT_NE(message.find(fault), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST_F(ImageTest, DecodedPixelsEqualPillow) {
  const auto names = cases("decode.", ".file");
  ASSERT_EQ(names.size(), 10U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const fs::path path = write(name, golden_bytes("decode." + name + ".file"));
    EXPECT_EQ(largest_difference(load_image(path), golden_image("decode." + name + ".pixels")), 0);
  }
}

TEST_F(ImageTest, ResizedPixelsEqualPillow) {
  const RgbImage source = golden_image("resize.source");
  const auto names = cases("resize.to.", "");
  ASSERT_EQ(names.size(), 6U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const RgbImage expected = golden_image("resize.to." + name);
    const RgbImage resized = resize_bilinear(source, expected.width, expected.height);
    EXPECT_EQ(largest_difference(resized, expected), 0);
  }
}

TEST_F(ImageTest, ResizingToTheSameSizeChangesNothing) {
  const RgbImage source = golden_image("resize.source");
  EXPECT_EQ(resize_bilinear(source, source.width, source.height).pixels, source.pixels);
}

TEST_F(ImageTest, BicubicEqualsPillow) {
  RgbImage source{7, 6, {}};
  for (int i = 0; i < 7 * 6 * 3; ++i) {
    const int c = i % 3, x = i / 3 % 7, y = i / 21;
    source.pixels.push_back(
        static_cast<std::uint8_t>(37 * y + 101 * x + 53 * c * (x + 1) + x * y * 29));
  }
  // Image.resize((4, 3), Image.BICUBIC) and the first rows of (9, 8), Pillow 13.0.0.
  const std::vector<std::uint8_t> smaller = {
      79,  90,  110, 122, 117, 101, 126, 112, 135, 125, 172, 75,  115, 129, 205, 138, 138, 138,
      121, 150, 141, 99,  103, 181, 148, 176, 136, 118, 151, 144, 157, 106, 86,  163, 112, 89};
  const std::vector<std::uint8_t> larger = {
      0,   44, 106, 57,  172, 73,  162, 183, 16, 186, 71, 39,  41,  0,  222, 124, 139, 188,
      227, 94, 144, 209, 90,  101, 89,  219, 68, 17,  73, 128, 103, 73, 107, 125, 130, 74};
  EXPECT_EQ(resize_bicubic(source, 4, 3).pixels, smaller);
  std::vector<std::uint8_t> resized = resize_bicubic(source, 9, 8).pixels;
  resized.resize(larger.size());
  EXPECT_EQ(resized, larger);
}

TEST_F(ImageTest, NetworkInputFollowsTheRecord) {
  RgbImage source{40, 30, {}};
  for (int i = 0; i < 40 * 30 * 3; ++i) source.pixels.push_back(static_cast<std::uint8_t>(i * 7));
  Preprocessing p;
  p.resize = 30;  // as it is
  p.crop = 10;
  p.channels = "bgr";
  p.mean = {0.1f, 0.2f, 0.3f};
  p.deviation = {0.5f, 0.25f, 2.0f};
  const std::vector<float> input = network_input(source, p);
  ASSERT_EQ(input.size(), 300u);
  for (const int c : {0, 1, 2}) {
    const auto pixel = static_cast<std::size_t>((12 * 40 + 18) * 3 + 2 - c);
    const auto channel = static_cast<std::size_t>(c);
    EXPECT_EQ(input[channel * 100 + 2 * 10 + 3],
              (static_cast<float>(source.pixels[pixel]) / 255.0F - p.mean[channel]) /
                  p.deviation[channel]);
  }
}

TEST_F(ImageTest, NetworkInputEqualsTorchvisionBitForBit) {
  constexpr std::size_t kStride = 97;
  const auto names = cases("input.", ".source");
  ASSERT_EQ(names.size(), 4U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const auto input = imagenet_input(golden_image("input." + name + ".source"));
    const auto sample = golden_.at("input." + name + ".sample").to_floats(name);
    ASSERT_EQ(input.size(), 3U * 224 * 224);
    ASSERT_EQ(sample.size(), (input.size() + kStride - 1) / kStride);
    for (std::size_t i = 0; i < sample.size(); ++i) EXPECT_EQ(input[i * kStride], sample[i]) << i;
  }
}

TEST_F(ImageTest, NetworkInputOfARealPhotographEqualsTheReferenceBitForBit) {
  if (data_path().empty()) GTEST_SKIP() << "FROST_DATA is unset: no photographs to read";
  const auto input = imagenet_input(load_image(data_path() / "images/n01440764_tench.jpg"));
  const auto expected = read_npy(data_path() / "weights/reference/input_n01440764_tench.npy");
  ASSERT_EQ(input.size(), expected.values.size());
  float largest = 0;
  for (std::size_t i = 0; i < input.size(); ++i) {
    largest = std::max(largest, std::abs(input[i] - expected.values[i]));
  }
  RecordProperty("max_abs_difference", std::to_string(largest));
  EXPECT_EQ(largest, 0.0F);
}

TEST_F(ImageTest, EveryTruncationIsRefused) {
  for (const auto& name : cases("decode.", ".file")) {
    const auto whole = golden_bytes("decode." + name + ".file");
    // The last two bytes of a JPEG are its end marker; no pixel depends on them.
    const std::size_t longest = name.starts_with("jpeg") ? whole.size() - 3 : whole.size() - 1;
    for (std::size_t size = 0; size <= longest; ++size) {
      const fs::path path = write(name, {whole.begin(), whole.begin() + std::ptrdiff_t(size)});
      const std::string message = load_error(path);
      ASSERT_FALSE(message.empty()) << name << " cut to " << size << " of " << whole.size();
      expect_one_line(message, path, ";");
    }
  }
}

TEST_F(ImageTest, EveryFlippedByteOfAPngIsRefused) {
  const auto whole = golden_bytes("decode.png_alpha.file");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto damaged = whole;
    damaged[i] ^= 0x10;
    EXPECT_FALSE(load_error(write("damaged.png", damaged)).empty()) << "byte " << i;
  }
}

TEST_F(ImageTest, DamagedJpegNeverCrashes) {
  const auto whole = golden_bytes("decode.jpeg_444_progressive.file");
  int refused = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto damaged = whole;
    damaged[i] ^= 0xFF;
    refused += load_error(write("damaged.jpg", damaged)).empty() ? 0 : 1;
  }
  // Flips inside the scans can decode to other pixels: JPEG has no checksum. Headers must be
  // noticed.
  EXPECT_GT(refused, 100);
}

TEST_F(ImageTest, FaultyPathsAreNamedInOneLine) {
  const fs::path missing = folder_ / "missing.png";
  expect_one_line(load_error(missing), missing, "No such file");
  expect_one_line(load_error(folder_), folder_, "is a directory");
  const fs::path text = write("notes.jpg", {'h', 'e', 'l', 'l', 'o'});
  expect_one_line(load_error(text), text, "neither a JPEG nor a PNG");
  const fs::path empty = write("empty.png", {});
  expect_one_line(load_error(empty), empty, "empty");
}

TEST_F(ImageTest, ExtremeShapesAreRefusedBeforeTheyFillMemory) {
  const RgbImage sliver{60000, 1, std::vector<std::uint8_t>(180000)};
  EXPECT_THROW(imagenet_input(sliver), Error);
  EXPECT_THROW(resize_bilinear(sliver, 0, 5), Error);
  EXPECT_THROW(resize_bilinear(sliver, 1 << 20, 1 << 20), Error);
}

}  // namespace
}  // namespace frost
