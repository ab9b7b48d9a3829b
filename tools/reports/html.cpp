#include "tools/reports/html.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/errors.h"
#include "tools/reports/pages/page_files.h"

namespace frost {
namespace {

/// RFC 4648, section 4.
std::string base64(std::string_view bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (unsigned k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63];
    }
  }
  return text;
}

}  // namespace

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const std::string_view entity = c == '<'   ? "&lt;"
                                    : c == '>' ? "&gt;"
                                    : c == '&' ? "&amp;"
                                    : c == '"' ? "&quot;"
                                               : "";
    if (entity.empty()) {
      out += c;
    } else {
      out += entity;
    }
  }
  return out;
}

std::string embedded_image(std::string_view type, std::string_view file, std::string_view title) {
  return fmt::format("<img src=\"data:{};base64,{}\" alt=\"{}\">\n", type, base64(file),
                     html_escape(title));
}

std::string fill_template(
    std::string_view text,
    const std::vector<std::pair<std::string_view, std::string_view>>& values) {
  constexpr std::string_view kOpen = "{{", kClose = "}}";
  std::string filled;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = std::min(text.find(kOpen, at), text.size());
    filled += text.substr(at, open - at);
    if (open == text.size()) break;
    const std::size_t close = std::min(text.find(kClose, open), text.size());
    const std::string_view name = text.substr(open + kOpen.size(), close - open - kOpen.size());
    const auto found = std::find_if(values.begin(), values.end(),
                                    [&](const auto& value) { return value.first == name; });
    if (found == values.end()) throw Error(fmt::format("a page has no value for '{}'", name));
    filled += found->second;
    at = close + kClose.size();
  }
  return filled;
}

std::string html_page(std::string_view title, std::string_view body) {
  return fill_template(kPageHtml,
                       {{"title", html_escape(title)}, {"style", kPageStyle}, {"body", body}});
}

}  // namespace frost
