#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "engine/io/atomic_file.h"
#include "tests/weights/weight_file_helpers.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

using test::bytes_of;
using test::raw;
using test::refuses;

using Bytes = std::vector<std::byte>;

/// As a checkpoint is: several dtypes, two tensors of equal form, a scalar, an empty one, long
/// texts.
SafetensorsFile sample() {
  SafetensorsFile file;
  file.tensors["network.a.weight"] = HostTensor::from_floats({2, 3}, {1, -2, 3.5f, 0, 5, 6});
  file.tensors["network.b.weight"] = HostTensor::from_floats({2, 3}, {7, 8, 9, 10, 11, -0.0f});
  file.tensors["adam.step"] = HostTensor::from_int64({}, {-7});
  file.tensors["random"] = HostTensor::from_bytes({1, 2, 255});
  file.tensors["nothing"] = HostTensor::from_floats({0, 4}, {});
  file.metadata = {{"format", "checkpoint"}, {"config", "a:\n  b: 1\n  c: \"two\"\n"}};
  return file;
}

class SafetensorsChecksum : public testing::Test {
 protected:
  SafetensorsChecksum() {
    write_safetensors(folder_ / "a", sample());
    image_ = read_regular_file(folder_ / "a", 1 << 20);
  }

  /// Whether `image` is refused in one line or gives what was written. One that says it has no
  /// checksum is refused by whoever knows that it had.
  static testing::AssertionResult harmless(const Bytes& image, std::size_t& refused) {
    try {
      const SafetensorsFile file = parse_safetensors(image, "f");
      if (!file.has_checksum) throw Error("without a checksum");
      if (!test::same_tensors(file.tensors, sample().tensors) ||
          file.metadata != sample().metadata) {
        return testing::AssertionFailure() << "other content";
      }
    } catch (const Error& error) {
      ++refused;
      if (std::string(error.what()).find('\n') != std::string::npos) {
        return testing::AssertionFailure() << error.what();
      }
    }
    return testing::AssertionSuccess();
  }

  /// Whether `image` is not taken for a file that never had a checksum.
  static bool keeps_its_checksum(const Bytes& image) {
    try {
      return parse_safetensors(image, "f").has_checksum;
    } catch (const Error&) {
      return true;
    }
  }

  const test::TemporaryFolder folder_;
  Bytes image_;
};

TEST_F(SafetensorsChecksum, EveryChangedByteIsRefusedOrWithoutEffect) {
  std::size_t refused = 0;
  for (std::size_t at = 0; at < image_.size(); ++at) {
    for (const int mask : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}) {
      Bytes damaged = image_;
      damaged[at] ^= static_cast<std::byte>(mask);
      ASSERT_TRUE(harmless(damaged, refused)) << "byte " << at << ", mask " << mask;
      ASSERT_TRUE(keeps_its_checksum(damaged)) << "byte " << at << ", mask " << mask;
    }
  }
  EXPECT_GT(refused, 8 * image_.size());  // but for white space at the end of the header
}

TEST_F(SafetensorsChecksum, EveryTruncationIsRefused) {
  std::size_t refused = 0;
  for (std::size_t size = 0; size < image_.size(); ++size) {
    const Bytes part(image_.begin(), image_.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_TRUE(harmless(part, refused)) << size;
  }
  EXPECT_EQ(refused, image_.size());
}

TEST_F(SafetensorsChecksum, SwappedSectionsAreRefusedOrWithoutEffect) {
  std::size_t refused = 0, pairs = 0;
  for (const std::ptrdiff_t length : {1, 4, 8, 24, 64}) {
    const auto count = static_cast<std::ptrdiff_t>(image_.size()) / length;
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      for (std::ptrdiff_t j = i + 1; j < count; j += length == 1 ? 7 : 1) {
        Bytes damaged = image_;
        const auto first = damaged.begin() + i * length, second = damaged.begin() + j * length;
        std::swap_ranges(first, first + length, second);
        pairs += damaged != image_;
        ASSERT_TRUE(harmless(damaged, refused)) << length << ": " << i << ", " << j;
      }
    }
  }
  EXPECT_GT(refused, pairs / 10 * 9);
}

TEST_F(SafetensorsChecksum, ChangedValuesAreNamedAsDamage) {
  Bytes damaged = image_;
  damaged.back() ^= std::byte{1};
  EXPECT_TRUE(refuses([&] { parse_safetensors(damaged, "f"); },
                      "f: damaged: its content does not match its checksum: "));
}

TEST_F(SafetensorsChecksum, HalfOfOneIsDamageAndNoneIsAFileOfAnotherProgram) {
  const auto with_metadata = [](const std::string& metadata) {
    const std::string header = "{\"__metadata__\":{" + metadata + "}}";
    return bytes_of(raw<std::uint64_t>(header.size()) + header);
  };
  const SafetensorsFile other = parse_safetensors(with_metadata(R"("sha256":"00")"), "f");
  EXPECT_FALSE(other.has_checksum);
  EXPECT_EQ(other.metadata.at("sha256"), "00");
  for (const char* half : {R"("frostline.checksum":"sha256")", R"("frostline.sha256":"00")"}) {
    EXPECT_TRUE(refuses([&] { parse_safetensors(with_metadata(half), "f"); }, "damaged")) << half;
  }
}

TEST_F(SafetensorsChecksum, IsThatOfTheContentWhateverTheOrder) {
  // As another library would write it: names in its own order, white space, no padding.
  SafetensorsFile file;
  file.tensors["a"] = HostTensor::from_bytes({1, 2});
  file.tensors["b"] = HostTensor::from_bytes({3});
  write_safetensors(folder_ / "b", file);
  const Bytes written = read_regular_file(folder_ / "b", 1 << 20);
  const std::string text(reinterpret_cast<const char*>(written.data()), written.size());
  const std::size_t at = text.find("{\"frostline"), end = text.find('}', at) + 1;
  const std::string header =
      "{ \"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
      "\"a\":{\"shape\":[2],\"dtype\":\"U8\",\"data_offsets\":[1,3]},"
      "\"__metadata__\":" +
      text.substr(at, end - at) + "}";
  const auto image = bytes_of(raw<std::uint64_t>(header.size()) + header + "\3\1\2");
  const SafetensorsFile back = parse_safetensors(image, "f");
  EXPECT_TRUE(back.has_checksum);
  EXPECT_TRUE(test::same_tensors(back.tensors, file.tensors));
  EXPECT_TRUE(refuses(
      [&] {
        parse_safetensors(bytes_of(raw<std::uint64_t>(header.size()) + header + "\3\2\1"), "f");
      },
      "damaged"));
}

TEST_F(SafetensorsChecksum, AFileOfOneReadsAndWritesAsItself) {
  write_safetensors(folder_ / "b", read_safetensors(folder_ / "a"));
  EXPECT_EQ(read_regular_file(folder_ / "b", 1 << 20), image_);
}

TEST_F(SafetensorsChecksum, WhatWouldNotBeReadBackIsNotWritten) {
  constexpr std::size_t kBytes = std::size_t{4} << 30;
  void* memory =
      ::mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::shared_ptr<void> owner(memory, [](void* m) { ::munmap(m, kBytes); });
  SafetensorsFile large;
  large.tensors["w"] = {"U8",
                        {static_cast<std::int64_t>(kBytes)},
                        SharedBytes(owner, {static_cast<const std::byte*>(memory), kBytes})};
  EXPECT_TRUE(refuses([&] { write_safetensors(folder_ / "a", large); }, "4 GiB"));
  EXPECT_EQ(read_regular_file(folder_ / "a", 1 << 20), image_);
  EXPECT_EQ(folder_.files(), 1u);
}

}  // namespace
}  // namespace frost
