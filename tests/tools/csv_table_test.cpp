#include "tools/reports/csv_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "kernels/errors.h"

namespace frost {
namespace {

std::string error_of(const std::string& text, const std::string& column = "") {
  try {
    const CsvTable table = CsvTable::parse(text, "t.csv");
    if (!column.empty()) table.column(column);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(CsvTable, ColumnsAreFoundByNameAndEmptyFieldsAreNaN) {
  const CsvTable table = CsvTable::parse("update,name,loss\n1,\"a,b\",-0.5\n2,c,\n", "t.csv");
  EXPECT_EQ(table.rows(), 2);
  EXPECT_EQ(table.names(), (std::vector<std::string>{"update", "name", "loss"}));
  EXPECT_EQ(table.column("update"), (std::vector<double>{1, 2}));
  EXPECT_EQ(table.text("name", 0), "a,b");
  EXPECT_EQ(table.number("loss", 0), -0.5);
  EXPECT_TRUE(std::isnan(table.column("loss")[1]));
  EXPECT_TRUE(table.has("loss"));
  EXPECT_FALSE(table.has("entropy"));
}

TEST(CsvTable, ValuesThatAreNotFiniteAreReadAsWritten) {
  const std::vector<double> x = CsvTable::parse("x\nnan\n-inf\n1e-7\n", "t.csv").column("x");
  EXPECT_TRUE(std::isnan(x[0]));
  EXPECT_TRUE(std::isinf(x[1]));
  EXPECT_EQ(x[2], 1e-7);
}

TEST(CsvTable, FaultsNameFileLineAndColumn) {
  EXPECT_EQ(error_of(""), "t.csv is empty: a table begins with its header");
  EXPECT_EQ(error_of("a,b\n1,2\n3\n"), "t.csv, line 3: 1 fields, expected 2 as in the header");
  EXPECT_EQ(error_of("a,b\n1,2x\n", "b"), "t.csv, line 2, column 'b': '2x' is no number");
  EXPECT_EQ(error_of("a,b\n1,2\n", "c"), "t.csv has no column 'c'");
}

TEST(CsvTable, AFileIsRead) {
  const auto path = std::filesystem::path(testing::TempDir()) / "csv_table_test.csv";
  std::ofstream(path) << "a\r\n4\r\n";
  EXPECT_EQ(CsvTable::read(path).column("a"), std::vector<double>{4});
  EXPECT_THROW(CsvTable::read(path.string() + ".missing"), Error);
}

}  // namespace
}  // namespace frost
