#include "tools/reports/tensorboard.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <iterator>

namespace frost {
namespace {

TEST(Crc32c, MatchesThePublishedVectors) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

std::uint32_t word_at(const std::string& bytes, std::size_t at) {
  std::uint32_t value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

TEST(TensorboardWriter, RecordsCarryLengthChecksumsAndTheScalar) {
  const auto folder = std::filesystem::temp_directory_path() / "frost_tensorboard_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  {
    TensorboardWriter writer(folder);
    writer.add_scalars(300, {{"losses/x", 0.25}});
  }
  const auto path = std::filesystem::directory_iterator(folder)->path();
  std::ifstream in(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  std::vector<std::string> events;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = word_at(bytes, at);
    EXPECT_EQ(word_at(bytes, at + 8), std::rotr(crc32c(bytes.substr(at, 8)), 15) + 0xa282ead8u);
    events.push_back(bytes.substr(at + 12, length));
    EXPECT_EQ(word_at(bytes, at + 12 + length), std::rotr(crc32c(events.back()), 15) + 0xa282ead8u);
    at += 16 + length;
  }
  ASSERT_EQ(events.size(), 2u);
  EXPECT_NE(events[0].find("brain.Event:2"), std::string::npos);
  // step 300 as a varint, then the summary with tag and float.
  EXPECT_EQ(events[1].substr(9, 3), std::string("\x10\xac\x02", 3));
  float quarter = 0.25f;
  const std::string value(reinterpret_cast<const char*>(&quarter), 4);
  EXPECT_NE(events[1].find("losses/x\x15" + value), std::string::npos);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace frost
