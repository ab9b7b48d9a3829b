#include "tools/html.h"

namespace frost {

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

}  // namespace frost
