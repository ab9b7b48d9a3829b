#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace frost {

/// Text for HTML and SVG: <, >, & and double quotes become entities.
std::string html_escape(std::string_view text);

/// An image element that holds `file`, of a type like "image/gif".
std::string embedded_image(std::string_view type, std::string_view file, std::string_view title);

/// `text` with every {{name}} replaced by the value of its name. Throws Error for a name that has
/// no value.
std::string fill_template(std::string_view text,
                          const std::vector<std::pair<std::string_view, std::string_view>>& values);

/// A self-contained page: the title, as its heading too, the house style, and `body`.
std::string html_page(std::string_view title, std::string_view body);

}  // namespace frost
