#pragma once

#include <string>
#include <string_view>

namespace frost {

/// Text for HTML and SVG: <, >, & and double quotes become entities.
std::string html_escape(std::string_view text);

/// An image element that holds `file`, of a type like "image/gif".
std::string embedded_image(std::string_view type, std::string_view file, std::string_view title);

/// A self-contained page: the title, as its heading too, the house style, and `body`.
std::string html_page(std::string_view title, std::string_view body);

}  // namespace frost
