#include "tools/reports/csv_rows.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "engine/io/atomic_file.h"
#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "tools/reports/csv.h"

namespace frost {
namespace {

std::optional<double> number_in(const std::string& field) {
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size() || !std::isfinite(value))
    return {};
  return value;
}

}  // namespace

void drop_rows_after(const std::filesystem::path& table, std::int64_t last) {
  if (!std::filesystem::exists(table)) return;
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 30;
  const std::vector<std::byte> bytes = read_regular_file(table, kLargest);
  std::string_view left(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::string kept;
  std::size_t fields = 0, number = 0;
  for (auto end = left.find('\n'); end != left.npos; end = left.find('\n')) {
    const std::string_view line = left.substr(0, end + 1);
    left.remove_prefix(end + 1);
    const std::vector<std::string> row = split_csv_line(line.substr(0, end));
    if (++number == 1) {
      fields = row.size();
    } else {
      const std::optional<double> key = number_in(row[0]);
      if (key && *key > static_cast<double>(last)) continue;
      if (!key || row.size() != fields) {
        throw Error(fmt::format(
            "{}, line {}: {} fields beginning with {}, expected {} beginning with a number: "
            "mend or remove the line",
            table.string(), number, row.size(), printable(row[0]), fields));
      }
    }
    kept += line;
  }
  if (number == 0) {
    std::filesystem::remove(table);
  } else if (kept.size() != bytes.size()) {
    write_file_atomically(table, kept);
  }
}

}  // namespace frost
