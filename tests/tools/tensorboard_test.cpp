#include "tools/reports/tensorboard.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <map>
#include <numeric>

#include "engine/io/protobuf.h"
#include "tests/text_files.h"
#include "tests/weights/weight_file_helpers.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

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

/// The events of a file whose records must all be whole.
std::vector<std::string> events_of(const std::string& bytes) {
  std::vector<std::string> events;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = word_at(bytes, at);
    EXPECT_EQ(word_at(bytes, at + 8), std::rotr(crc32c(bytes.substr(at, 8)), 15) + 0xa282ead8u);
    events.push_back(bytes.substr(at + 12, length));
    EXPECT_EQ(word_at(bytes, at + 12 + length), std::rotr(crc32c(events.back()), 15) + 0xa282ead8u);
    at += 16 + length;
  }
  return events;
}

class Tensorboard : public testing::Test {
 protected:
  Tensorboard() { fs::create_directory(run_); }

  fs::path only_file() const { return fs::directory_iterator(run_)->path(); }

  /// Step and value of every point of `tag` in the folder, as a reader that merges its files.
  std::multimap<std::int64_t, float> points(const std::string& tag) const {
    std::multimap<std::int64_t, float> found;
    for (const auto& entry : fs::directory_iterator(run_)) {
      for (const std::string& event : events_of(read_text(entry.path()))) {
        const std::size_t at = event.find(tag + "\x15");
        if (at == event.npos) continue;
        std::int64_t step = 0;
        for (std::size_t i = 10, shift = 0;; ++i, shift += 7) {
          step |= std::int64_t{event[i] & 0x7f} << shift;
          if ((event[i] & 0x80) == 0) break;
        }
        found.emplace(step, std::bit_cast<float>(word_at(event, at + tag.size() + 1)));
      }
    }
    return found;
  }

  const test::TemporaryFolder folder_;
  const fs::path run_ = folder_ / "run";
};

using Points = std::multimap<std::int64_t, float>;

TEST_F(Tensorboard, RecordsCarryLengthChecksumsAndTheScalar) {
  TensorboardWriter(run_).add_scalars(300, {{"losses/x", 0.25}});
  const std::vector<std::string> events = events_of(read_text(only_file()));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_NE(events[0].find("brain.Event:2"), std::string::npos);
  // step 300 as a varint, then the summary with tag and float.
  EXPECT_EQ(events[1].substr(9, 3), std::string("\x10\xac\x02", 3));
  EXPECT_EQ(points("losses/x"), (Points{{300, 0.25f}}));
}

/// The first field `number` of a message, of those that hold bytes.
std::string bytes_field(std::string_view message, int number) {
  while (!message.empty()) {
    const auto key = protobuf::take_varint(message).value_or(0);
    std::size_t size = (key & 7) == protobuf::kFixed64   ? 8
                       : (key & 7) == protobuf::kFixed32 ? 4
                                                         : 0;
    if ((key & 7) == protobuf::kVarint) protobuf::take_varint(message);
    if ((key & 7) == protobuf::kBytes) size = protobuf::take_varint(message).value_or(0);
    if (static_cast<int>(key >> 3) == number) return std::string(message.substr(0, size));
    message.remove_prefix(std::min(size, message.size()));
  }
  return "";
}

std::vector<double> doubles_of(const std::string& bytes) {
  std::vector<double> values(bytes.size() / sizeof(double));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  return values;
}

TEST(EventSummary, AHistogramCountsEveryFiniteValueOnce) {
  EventSummary summary;
  summary.add_histogram("none", {NAN, INFINITY});
  EXPECT_TRUE(summary.empty());
  summary.add_histogram("h", {-1, 2, NAN, 0.5f, 2});
  const std::string value = bytes_field(summary.bytes(), 1);
  EXPECT_EQ(bytes_field(value, 1), "h");
  const std::string histogram = bytes_field(value, 5);
  const std::vector<double> limits = doubles_of(bytes_field(histogram, 6)),
                            counts = doubles_of(bytes_field(histogram, 7));
  ASSERT_EQ(limits.size(), 30u);
  ASSERT_EQ(counts.size(), 30u);
  EXPECT_NEAR(limits[0], -0.9, 1e-12);
  EXPECT_EQ(limits[29], 2);
  EXPECT_EQ(counts[0], 1);
  EXPECT_EQ(counts[15], 1) << "0.5 is where the second half begins";
  EXPECT_EQ(counts[29], 2);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0.0), 4);
  EventSummary equal;
  equal.add_histogram("e", {3, 3, 3});
  EXPECT_EQ(doubles_of(bytes_field(bytes_field(bytes_field(equal.bytes(), 1), 5), 7))[0], 3);
}

TEST(EventSummary, TextIsOfItsPlugin) {
  EventSummary summary;
  summary.add_text("t", "words");
  const std::string value = bytes_field(summary.bytes(), 1);
  EXPECT_EQ(bytes_field(bytes_field(value, 8), 8), "words");
  EXPECT_EQ(bytes_field(bytes_field(bytes_field(value, 9), 1), 1), "text");
}

TEST_F(Tensorboard, ARunBeginsWhereThereIsNoFileOfItsKind) {
  std::ofstream(run_ / "events.out.tfevents.1.machine.7.0") << "of another program";
  EXPECT_TRUE(TensorboardWriter(run_).begins());
  EXPECT_FALSE(TensorboardWriter(run_).begins());
}

TEST_F(Tensorboard, NaNIsNoPoint) {
  {
    TensorboardWriter writer(run_);
    writer.add_scalars(1, {{"charts/return", NAN}, {"losses/x", 1}});
    writer.add_scalars(2, {{"charts/return", 3}, {"losses/x", 2}});
    writer.add_scalars(3, {{"charts/return", NAN}});
  }
  EXPECT_EQ(points("charts/return"), (Points{{2, 3}}));
  EXPECT_EQ(points("losses/x"), (Points{{1, 1}, {2, 2}}));
  EXPECT_EQ(events_of(read_text(only_file())).size(), 3u);  // none without a value
}

TEST_F(Tensorboard, AfterAResumeEveryStepHasOneValue) {
  {
    TensorboardWriter killed(run_);
    for (const int step : {100, 200, 300}) killed.add_scalars(step, {{"x", step}});
  }
  drop_events_after(run_, 200);
  {
    TensorboardWriter resumed(run_);
    resumed.add_scalars(300, {{"x", -300}});
  }
  drop_events_after(run_, 300);
  EXPECT_EQ(points("x"), (Points{{100, 100}, {200, 200}, {300, -300}}));
}

TEST_F(Tensorboard, RecordsOfAKilledRunAreDroppedWhereverTheyWereCut) {
  {
    TensorboardWriter killed(run_);
    for (const int step : {100, 200}) killed.add_scalars(step, {{"x", step}});
  }
  const fs::path path = only_file();
  const std::string whole = read_text(path);
  std::size_t first = 0;  // where the record of step 200 begins
  for (int i = 0; i < 2; ++i) first += 16 + word_at(whole, first);
  for (std::size_t size = first; size < whole.size(); ++size) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, size);
    drop_events_after(run_, 200);
    EXPECT_EQ(read_text(path), whole.substr(0, first)) << size;
  }
  for (std::size_t size = 0; size < 16; ++size) {  // not even the version is whole
    std::ofstream(path, std::ios::binary) << whole.substr(0, size);
    drop_events_after(run_, 200);
    EXPECT_EQ(fs::exists(path), size == 0) << size;
  }
}

TEST_F(Tensorboard, ADamagedRecordIsDroppedAndThoseBehindItStay) {
  {
    TensorboardWriter writer(run_);
    for (const int step : {100, 200, 300}) writer.add_scalars(step, {{"x", step}});
  }
  const fs::path path = only_file();
  std::string bytes = read_text(path);
  std::size_t at = 0;
  for (int i = 0; i < 2; ++i) at += 16 + word_at(bytes, at);
  bytes[at + 12 + 20] ^= 1;  // in the event of step 200
  std::ofstream(path, std::ios::binary) << bytes;
  drop_events_after(run_, 300);
  EXPECT_EQ(points("x"), (Points{{100, 100}, {300, 300}}));
}

TEST_F(Tensorboard, FilesOfOthersAndThoseWithoutLaterEventsAreNotTouched) {
  TensorboardWriter(run_).add_scalars(100, {{"x", 1}});
  const fs::path ours = only_file(), other = run_ / "events.out.tfevents.1.machine.7.0";
  std::ofstream(other) << "records of another program";
  fs::last_write_time(ours, fs::file_time_type{});
  drop_events_after(run_, 100);
  EXPECT_EQ(fs::last_write_time(ours), fs::file_time_type{});
  EXPECT_EQ(read_text(other), "records of another program");
}

}  // namespace
}  // namespace frost
