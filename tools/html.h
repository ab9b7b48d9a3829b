#pragma once

#include <string>
#include <string_view>

namespace frost {

/// Text for HTML and SVG: <, >, & and double quotes become entities.
std::string html_escape(std::string_view text);

}  // namespace frost
