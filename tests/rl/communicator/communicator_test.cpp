#include "rl/communicator/communicator.h"

#include <gtest/gtest.h>

#include "kernels/errors.h"
#include "rl/communicator/shards.h"
#include "rl/communicator/state_exchange.h"
#include "tests/rl/communicator/thread_communicator.h"

namespace frost {
namespace {

using test::on_ranks;

std::vector<std::byte> bytes_of(int rank) {
  return std::vector<std::byte>(static_cast<std::size_t>(rank), std::byte(rank));
}

TEST(Communicator, SumsInPairsWithTheSameBitsOnEveryRank) {
  const float big = 16777216.0f;  // adding 1 to it changes nothing
  const std::vector<float> values = {big, 1.0f, 1.0f, 1.0f};
  std::vector<float> sums(4);
  on_ranks(4, [&](Communicator& c) {
    const auto rank = static_cast<std::size_t>(c.rank());
    std::vector<float> value{values[rank], static_cast<float>(c.rank())};
    c.sum(std::span<float>(value));
    sums[rank] = value[0];
    EXPECT_EQ(value[1], 6.0f);
  });
  for (const float sum : sums) EXPECT_EQ(sum, (big + 1.0f) + (1.0f + 1.0f));
}

TEST(Communicator, BroadcastsAndGathersBytesOfAnyLength) {
  for (const int size : {1, 2, 4, 8}) {
    on_ranks(size, [&](Communicator& c) {
      std::vector<std::byte> bytes = c.rank() == 0 ? bytes_of(100) : bytes_of(c.rank());
      c.broadcast(bytes);
      EXPECT_EQ(bytes, bytes_of(100));
      const auto all = c.gather(bytes_of(c.rank()));
      EXPECT_EQ(all.size(), c.rank() == 0 ? static_cast<std::size_t>(size) : 0u);
      for (std::size_t r = 0; r < all.size(); ++r) {
        EXPECT_EQ(all[r], bytes_of(static_cast<int>(r)));
      }
      c.barrier();
      std::vector<int> own(static_cast<std::size_t>(c.rank()), c.rank()), want;
      for (int r = 0; r < size; ++r) want.insert(want.end(), static_cast<std::size_t>(r), r);
      EXPECT_EQ(gather_all(c, own), want);
    });
  }
}

TEST(Communicator, GathersStatesRowByRowAndGivesThemToAll) {
  on_ranks(2, [](Communicator& c) {
    const std::vector<std::int64_t> rows =
        c.rank() == 0 ? std::vector<std::int64_t>{1, 2} : std::vector<std::int64_t>{3, 4, 5, 6};
    StateDict own;
    own["rows"] = HostTensor::from_int64({static_cast<std::int64_t>(rows.size()) / 2, 2}, rows);
    own["of " + std::to_string(c.rank())] = HostTensor::from_doubles({0.5 * c.rank()});
    StateDict all = gather_state(c, own);
    broadcast_state(c, all);
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all["rows"].shape, (std::vector<std::int64_t>{3, 2}));
    EXPECT_EQ(all["rows"].to_int64("rows"), (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(all["of 1"].to_doubles("of 1"), std::vector<double>{0.5});
  });
}

TEST(Communicator, RefusesStatesThatDoNotFitTogether) {
  on_ranks(2, [](Communicator& c) {
    StateDict own;
    if (c.rank() == 0) own["rows"] = HostTensor::from_doubles({1.0});
    if (c.rank() == 1) own["rows"] = HostTensor::from_int64({1}, {1});
    if (c.rank() == 0) {
      EXPECT_THROW(gather_state(c, own), Error);
    } else {
      gather_state(c, own);
    }
  });
}

TEST(TreeSum, AddsInPairs) {
  const float big = 16777216.0f;
  TreeSum<float> tree;
  for (const float v : {big, 1.0f, 1.0f, 1.0f}) tree.add({v});
  EXPECT_EQ(tree.take(), std::vector<float>{(big + 1.0f) + (1.0f + 1.0f)});
}

// Numbers whose sum depends on the order.
double number(std::size_t i) {
  return 1.0 / static_cast<double>(7 + 3 * i);
}

TEST(Shards, GiveTheSameSumHoweverManyProcessesThereAre) {
  constexpr std::size_t kItems = 40;
  const Shards one(4);
  const double want = one.sum_items(kItems, number);
  EXPECT_NE(want, Shards(1).sum_items(kItems, number)) << "the order would not matter";
  for (const int size : {1, 2, 4}) {
    on_ranks(size, [&](Communicator& c) {
      const Shards shards(4, c);
      const std::size_t own = kItems / static_cast<std::size_t>(size);
      EXPECT_EQ(shards.overall(own), kItems);
      const std::size_t first = own * static_cast<std::size_t>(c.rank());
      EXPECT_EQ(shards.sum_items(own, [&](std::size_t i) { return number(first + i); }), want);
    });
  }
}

TEST(Shards, AreRefusedWhereTheyDoNotFit) {
  EXPECT_THROW(Shards(3), UsageError);
  EXPECT_THROW(Shards(0), UsageError);
  EXPECT_THROW(Shards(4).require_divides(6, 8), UsageError);
  EXPECT_THROW(Shards(4).require_divides(8, 6), UsageError);
  on_ranks(4, [](Communicator& c) { EXPECT_THROW(Shards(2, c), UsageError); });
}

}  // namespace
}  // namespace frost
