#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "fuzz/seeds.h"
#include "fuzz/targets.h"

// A short, repeatable run of what libFuzzer runs for hours (docs/weights.md "Fuzzing").
namespace frost {
namespace {

using Bytes = std::vector<std::byte>;

class FuzzTargets : public testing::TestWithParam<fuzz::Target> {
 protected:
  void SetUp() override {
    for (fuzz::Seed& seed : fuzz::make_seeds()) {
      if (seed.target == GetParam().name) seeds_.push_back(std::move(seed));
    }
    ASSERT_FALSE(seeds_.empty());
  }

  std::vector<fuzz::Seed> seeds_;
};

/// mt19937's numbers are the same everywhere; the standard distributions' are not.
std::size_t below(std::mt19937& random, std::size_t limit) {
  return limit == 0 ? 0 : random() % limit;
}

std::byte interesting_byte(std::mt19937& random) {
  constexpr unsigned kBytes[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '(', '.', '0', '{', '"'};
  return static_cast<std::byte>(kBytes[below(random, std::size(kBytes))]);
}

/// One to four changes: bit flips, bytes set, 8-byte numbers set, pieces cut, doubled or taken from
/// another seed.
Bytes mutated(Bytes bytes, const Bytes& other, std::mt19937& random) {
  const auto at = [&](std::size_t i) { return bytes.begin() + static_cast<std::ptrdiff_t>(i); };
  for (std::size_t left = 1 + below(random, 4); left > 0; --left) {
    const std::size_t begin = below(random, bytes.size());
    const std::size_t length = below(random, std::min<std::size_t>(bytes.size() - begin, 64) + 1);
    switch (below(random, 6)) {
      case 0:
        if (!bytes.empty()) bytes[begin] ^= std::byte{1} << below(random, 8);
        break;
      case 1:
        if (!bytes.empty()) bytes[begin] = interesting_byte(random);
        break;
      case 2:
        std::fill(at(begin), at(std::min(begin + 8, bytes.size())), interesting_byte(random));
        break;
      case 3:
        bytes.erase(at(begin), at(begin + length));
        break;
      case 4: {
        const Bytes piece(at(begin), at(begin + length));
        bytes.insert(at(begin), piece.begin(), piece.end());
        break;
      }
      default: {
        const std::size_t from = below(random, other.size());
        const auto first = other.begin() + static_cast<std::ptrdiff_t>(from);
        const auto count = static_cast<std::ptrdiff_t>(std::min(length, other.size() - from));
        bytes.insert(at(begin), first, first + count);
      }
    }
  }
  return bytes;
}

std::string hex(const Bytes& bytes) {
  std::string text;
  for (const std::byte b : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += {kDigits[std::to_integer<std::size_t>(b) / 16],
             kDigits[std::to_integer<std::size_t>(b) % 16]};
  }
  return text.substr(0, 8192);
}

TEST_P(FuzzTargets, SeedsAreReadAndTheirMutationsGiveAValueOrAnErrorOfOneLine) {
  constexpr int kMutations = 3000;
  std::mt19937 random(20260101);
  for (const fuzz::Seed& seed : seeds_) {
    EXPECT_TRUE(GetParam().read(seed.bytes)) << seed.name;
  }
  for (int i = 0; i < kMutations; ++i) {
    const fuzz::Seed& seed = seeds_[below(random, seeds_.size())];
    const Bytes input = mutated(seed.bytes, seeds_[below(random, seeds_.size())].bytes, random);
    ASSERT_NO_THROW(GetParam().read(input))
        << seed.name << ", mutation " << i << ": " << hex(input);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzTargets, testing::ValuesIn(fuzz::kTargets),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace frost
