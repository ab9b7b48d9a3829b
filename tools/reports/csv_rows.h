#pragma once

#include <cstdint>
#include <filesystem>

namespace frost {

/// Takes from the CSV file `table` the rows whose first column, a number, is above `last`, and a
/// last line that was cut short when its writer was killed; no table is no rows.
///
/// Replaces the file atomically, or removes it where not even the header is whole. Throws Error
/// naming file and line for a row of another kind; then the file is as it was.
void drop_rows_after(const std::filesystem::path& table, std::int64_t last);

}  // namespace frost
