#include "tools/reports/csv_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <sstream>

#include "engine/io/atomic_file.h"
#include "kernels/errors.h"
#include "tools/reports/csv.h"

namespace frost {

CsvTable CsvTable::read(const std::filesystem::path& path) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 30;
  const std::vector<std::byte> bytes = read_regular_file(path, kLargest);
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

CsvTable CsvTable::parse(const std::string& text, const std::string& origin) {
  CsvTable table;
  table.origin_ = origin;
  std::istringstream in(text);
  in.exceptions(std::ios::badbit);  // else a line that finds no memory would end the table
  std::string line;
  if (!std::getline(in, line)) throw Error(origin + " is empty: a table begins with its header");
  table.names_ = split_csv_line(line);
  while (std::getline(in, line)) {
    table.cells_.push_back(split_csv_line(line));
    if (table.cells_.back().size() != table.names_.size()) {
      throw Error(fmt::format("{}, line {}: {} fields, expected {} as in the header", origin,
                              table.cells_.size() + 1, table.cells_.back().size(),
                              table.names_.size()));
    }
  }
  return table;
}

bool CsvTable::has(const std::string& name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

std::size_t CsvTable::find(const std::string& name) const {
  const auto at = std::find(names_.begin(), names_.end(), name);
  if (at == names_.end()) throw Error(origin_ + " has no column '" + name + "'");
  return static_cast<std::size_t>(at - names_.begin());
}

const std::string& CsvTable::text(const std::string& name, std::size_t row) const {
  return cells_.at(row)[find(name)];
}

double CsvTable::number(std::size_t column, std::size_t row) const {
  const std::string& field = cells_.at(row)[column];
  if (field.empty()) return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size()) {
    throw Error(fmt::format("{}, line {}, column '{}': '{}' is no number", origin_, row + 2,
                            names_[column], field));
  }
  return value;
}

double CsvTable::number(const std::string& name, std::size_t row) const {
  return number(find(name), row);
}

std::vector<double> CsvTable::column(const std::string& name) const {
  const std::size_t column = find(name);
  std::vector<double> values(rows());
  for (std::size_t row = 0; row < rows(); ++row) values[row] = number(column, row);
  return values;
}

}  // namespace frost
