#pragma once

#include <string>
#include <string_view>

namespace frost {

/// Text for HTML and SVG: <, >, & and double quotes become entities.
std::string html_escape(std::string_view text);

/// A self-contained page: the title, as its heading too, the house style, and `body`.
std::string html_page(std::string_view title, std::string_view body);

}  // namespace frost
