#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace frost {

/// A CSV file with a header, in memory.
class CsvTable {
 public:
  /// Throws Error naming the file where it cannot be read, and the line where a row has more or
  /// fewer fields than the header.
  static CsvTable read(const std::filesystem::path& path);
  /// The same for text that came from `origin`.
  static CsvTable parse(const std::string& text, const std::string& origin);

  const std::string& origin() const { return origin_; }
  std::size_t rows() const { return cells_.size(); }
  const std::vector<std::string>& names() const { return names_; }
  bool has(const std::string& name) const;

  /// Throw Error for a column that does not exist and, of numbers, for a field that is none; an
  /// empty field is NaN.
  const std::string& text(const std::string& name, std::size_t row) const;
  double number(const std::string& name, std::size_t row) const;
  std::vector<double> column(const std::string& name) const;

 private:
  std::size_t find(const std::string& name) const;
  double number(std::size_t column, std::size_t row) const;

  std::string origin_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> cells_;  ///< by row
};

}  // namespace frost
