#include "tools/reports/csv.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "kernels/errors.h"
#include "tests/weights/weight_file_helpers.h"
#include "tools/reports/csv_rows.h"

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

class CsvRows : public testing::Test {
 protected:
  /// What is left of `text` after `drop_rows_after(..., 2)`; "no file" where it is removed.
  std::string left_of(const std::string& text) {
    std::ofstream(table_, std::ios::binary) << text;
    drop_rows_after(table_, 2);
    return content();
  }
  std::string content() const {
    std::ifstream in(table_, std::ios::binary);
    if (!in) return "no file";
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string refusal_of(const std::string& text) {
    try {
      left_of(text);
    } catch (const Error& error) {
      EXPECT_EQ(content(), text);
      return std::string(error.what()).substr(table_.string().size());
    }
    return "accepted";
  }

  const test::TemporaryFolder folder_;
  const std::filesystem::path table_ = folder_ / "t.csv";
};

TEST_F(CsvRows, BehindTheLastAreDropped) {
  EXPECT_EQ(left_of("update,x\n1,0.5\n2,\n3,1\n"), "update,x\n1,0.5\n2,\n");
  EXPECT_EQ(left_of("update,x\n1,0.5\n"), "update,x\n1,0.5\n");
  EXPECT_EQ(left_of("update,x\n2.0,a\n1e1,b\n2,c\n"), "update,x\n2.0,a\n2,c\n");
  EXPECT_EQ(left_of("update,x\r\n1,2\r\n3,4\r\n"), "update,x\r\n1,2\r\n");
  drop_rows_after(folder_ / "none.csv", 2);
  EXPECT_EQ(folder_.files(), 1u);
}

TEST_F(CsvRows, ACutLastLineIsDropped) {
  EXPECT_EQ(left_of("update,x\n1,0.5\n2,0."), "update,x\n1,0.5\n");
  EXPECT_EQ(left_of(std::string("update,x\n1,2\n") + std::string(100, '\0')), "update,x\n1,2\n");
  EXPECT_EQ(left_of("upda"), "no file");  // a new one begins with its header
  EXPECT_EQ(left_of(""), "no file");
}

TEST_F(CsvRows, AnotherDamagedRowIsNamedByFileAndLine) {
  EXPECT_EQ(refusal_of("update,x\n1,0.5\n?,0.5\n"),
            ", line 3: 2 fields beginning with '?', expected 2 beginning with a number: mend or "
            "remove the line");
  EXPECT_EQ(refusal_of("update,x\n\n3,1\n").substr(0, 10), ", line 2: ");
  EXPECT_EQ(refusal_of("update,x\n1\n").substr(0, 10), ", line 2: ");
  EXPECT_EQ(refusal_of("update,x\nnan,1\n").substr(0, 10), ", line 2: ");
}

}  // namespace
}  // namespace frost
