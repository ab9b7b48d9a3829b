#include "tools/reports/csv.h"

#include <gtest/gtest.h>

namespace frost {
namespace {

TEST(Csv, OnlyFieldsThatNeedItAreQuoted) {
  EXPECT_EQ(csv_field("tench"), "tench");
  EXPECT_EQ(csv_field("great white shark, white shark"), "\"great white shark, white shark\"");
  EXPECT_EQ(csv_field("a \"b\""), "\"a \"\"b\"\"\"");
  EXPECT_EQ(csv_field("two\nlines"), "\"two\nlines\"");
}

TEST(Csv, ALineSplitsBackIntoWhatWasQuoted) {
  const std::vector<std::string> fields = {"a,b", "", "c \"d\"", "e"};
  std::string line;
  for (const std::string& f : fields) line += (line.empty() ? "" : ",") + csv_field(f);
  EXPECT_EQ(split_csv_line(line), fields);
}

TEST(Csv, AnEmptyLineHasOneEmptyFieldAndLineEndsAreDropped) {
  EXPECT_EQ(split_csv_line(""), std::vector<std::string>{""});
  EXPECT_EQ(split_csv_line("1,2,\r"), (std::vector<std::string>{"1", "2", ""}));
}

}  // namespace
}  // namespace frost
