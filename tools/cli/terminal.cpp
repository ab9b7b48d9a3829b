#include "tools/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace frost {

bool terminal_draws() {
  const char* type = std::getenv("TERM");
  if (type == nullptr || *type == '\0' || std::string_view(type) == "dumb") return false;
  return ::isatty(STDOUT_FILENO) == 1;
}

int terminal_columns() {
  winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::vector<std::string> flow_fields(const std::vector<std::vector<std::string>>& groups,
                                     int columns) {
  constexpr std::string_view kBetween = " | ";
  const auto width = static_cast<std::size_t>(columns);
  std::vector<std::string> lines;
  for (const std::vector<std::string>& group : groups) {
    bool begins = true;
    for (const std::string& field : group) {
      if (begins || lines.back().size() + kBetween.size() + field.size() > width) {
        lines.push_back(field.substr(0, width));
      } else {
        lines.back().append(kBetween).append(field);
      }
      begins = false;
    }
  }
  return lines;
}

}  // namespace frost
