#include "engine/io/printable.h"

#include <fmt/format.h>

namespace frost {

std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 96;
  std::string out = "'";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  out += text.size() > kLongest ? "...'" : "'";
  return out;
}

std::string full_path(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path.string() : absolute.lexically_normal().string();
}

}  // namespace frost
