#include "kernels/philox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "engine/random.h"

namespace frost {
namespace {

void expect_block(PhiloxBlock counter, std::uint64_t seed, PhiloxBlock expected) {
  const PhiloxBlock got = philox4x32(counter, seed);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(got.word[i], expected.word[i]) << "word " << i;
}

// Known answers of philox4x32-10, published with Random123 (Salmon et al., SC 2011).
TEST(Philox, GivesThePublishedBlockForZeros) {
  expect_block({{0, 0, 0, 0}}, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
}

TEST(Philox, GivesThePublishedBlockForOnes) {
  constexpr std::uint32_t kOnes = 0xffffffff;
  expect_block({{kOnes, kOnes, kOnes, kOnes}}, 0xffffffffffffffff,
               {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
}

TEST(Philox, GivesThePublishedBlockForDigitsOfPi) {
  // The first key word is the low half of the seed.
  expect_block({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0x299f31d0a4093822,
               {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

TEST(RandomStream, CountsBlocksInTheLowCounterWords) {
  RandomStream stream(7, StreamPurpose::kSampling, 3);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const PhiloxBlock expected =
        philox4x32({{block, 0, 3, static_cast<std::uint32_t>(StreamPurpose::kSampling)}}, 7);
    for (const std::uint32_t word : expected.word) EXPECT_EQ(stream.next_bits(), word);
  }
  EXPECT_EQ(stream.position(), 12U);
}

TEST(RandomStream, PassesTheEndOfTheFirstCounterWord) {
  RandomStream stream(1, StreamPurpose::kInit);
  stream.set_position((std::uint64_t{1} << 34) + 1);
  const PhiloxBlock expected =
      philox4x32({{0, 1, 0, static_cast<std::uint32_t>(StreamPurpose::kInit)}}, 1);
  EXPECT_EQ(stream.next_bits(), expected.word[1]);
}

TEST(RandomStream, ARestoredPositionContinuesTheSameNumbers) {
  RandomStream original(11, StreamPurpose::kShuffle, 2);
  for (int i = 0; i < 7; ++i) original.next_bits();
  original.normal();
  RandomStream restored(11, StreamPurpose::kShuffle, 2);
  restored.set_position(original.position());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(original.normal(), restored.normal());
    EXPECT_EQ(original.uniform_double(), restored.uniform_double());
    EXPECT_EQ(original.below(1000), restored.below(1000));
  }
}

TEST(RandomStream, StreamsOfOtherSeedsPurposesAndIndicesShareNoBlock) {
  std::set<std::uint64_t> seen;
  std::size_t drawn = 0;
  for (const std::uint64_t seed : {0U, 1U}) {
    for (const StreamPurpose purpose : {StreamPurpose::kInit, StreamPurpose::kSampling}) {
      for (const std::uint32_t index : {0U, 1U, 2U}) {
        RandomStream stream(seed, purpose, index);
        for (int i = 0; i < 500; ++i, ++drawn) {
          const std::uint64_t high = stream.next_bits();
          seen.insert(high << 32 | stream.next_bits());
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), drawn);
}

TEST(RandomStream, DrawsFromAnotherStreamDoNotDisturbIt) {
  RandomStream alone(5, StreamPurpose::kField, 0), mixed(5, StreamPurpose::kField, 0);
  RandomStream other(5, StreamPurpose::kField, 1);
  for (int i = 0; i < 50; ++i) {
    other.next_bits();
    EXPECT_EQ(alone.next_bits(), mixed.next_bits());
  }
}

TEST(RandomStream, UniformAndNormalNumbersHaveTheirMoments) {
  RandomStream stream(3, StreamPurpose::kInit);
  constexpr int kCount = 200'000;
  double uniform = 0, mean = 0, variance = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = stream.uniform(), z = stream.normal();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    ASSERT_TRUE(std::isfinite(z));
    uniform += u / kCount;
    mean += z / kCount;
    variance += z * z / kCount;
  }
  // Five standard errors.
  EXPECT_NEAR(uniform, 0.5, 5 * std::sqrt(1.0 / 12 / kCount));
  EXPECT_NEAR(mean, 0.0, 5 * std::sqrt(1.0 / kCount));
  EXPECT_NEAR(variance, 1.0, 5 * std::sqrt(2.0 / kCount));
}

TEST(RandomStream, BelowCoversItsRangeEvenly) {
  RandomStream stream(9, StreamPurpose::kShuffle);
  constexpr std::uint32_t kSides = 7, kCount = 70'000;
  int counts[kSides] = {};
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const std::uint32_t side = stream.below(kSides);
    ASSERT_LT(side, kSides);
    ++counts[side];
  }
  for (const int count : counts) EXPECT_NEAR(kSides * count, kCount, kSides * 500);
}

}  // namespace
}  // namespace frost
