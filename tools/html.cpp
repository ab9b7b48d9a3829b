#include "tools/html.h"

#include <fmt/format.h>

namespace frost {
namespace {

constexpr const char* kStyle =
    ":root{color-scheme:light dark}"
    "body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em}"
    "h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.25em .5em;text-align:right}"
    "td:first-child,th:first-child{text-align:left}tr+tr{border-top:1px solid #8885}"
    "pre{overflow-x:auto;font-size:13px}"
    ".charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(26em,1fr));gap:1.5em}";

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

std::string html_page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!doctype html><html lang=en><meta charset=utf-8><title>{0}</title><style>{1}</style>\n"
      "<h1>{0}</h1>\n{2}</html>\n",
      html_escape(title), kStyle, body);
}

}  // namespace frost
