#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace frost {

/// A value as one CSV field (RFC 4180): in double quotes, doubled inside, where it needs them.
std::string csv_field(std::string_view value);

/// The fields of one CSV line, quotes undone; a quoted field cannot span lines.
std::vector<std::string> split_csv_line(std::string_view line);

}  // namespace frost
