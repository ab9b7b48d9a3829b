#include "tools/reports/html.h"

#include <fmt/format.h>

namespace frost {
namespace {

constexpr const char* kStyle =
    ":root{color-scheme:light dark}"
    "body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em}"
    "h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.25em .5em;text-align:right}"
    "td:first-child,th:first-child{text-align:left}tr+tr{border-top:1px solid #8885}"
    "img{max-width:100%}pre{overflow-x:auto;font-size:13px}"
    ".charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(26em,1fr));gap:1.5em}";

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

std::string html_page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!doctype html><html lang=en><meta charset=utf-8><title>{0}</title><style>{1}</style>\n"
      "<h1>{0}</h1>\n{2}</html>\n",
      html_escape(title), kStyle, body);
}

}  // namespace frost
