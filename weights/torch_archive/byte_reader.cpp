#include "weights/torch_archive/byte_reader.h"

#include <fmt/format.h>

#include "kernels/errors.h"

namespace frost {

void reject_file(const std::string& origin, std::uint64_t position, const std::string& fault,
                 std::string_view remedy) {
  fail("read_weight_file", fmt::format("{}: {} (at byte {}); {}", origin, fault, position, remedy));
}

void ByteReader::seek(std::uint64_t position) {
  if (position > bytes_.size()) {
    reject(fmt::format("truncated: refers to byte {} beyond the end", base_ + position));
  }
  position_ = position;
}

std::span<const std::byte> ByteReader::take(std::uint64_t count) {
  if (count > remaining()) {
    reject(fmt::format("truncated: {} of {} bytes are missing", count - remaining(), count));
  }
  const auto part = bytes_.subspan(position_, count);
  position_ += part.size();
  return part;
}

std::string_view ByteReader::text(std::uint64_t count) {
  const auto part = take(count);
  return {reinterpret_cast<const char*>(part.data()), part.size()};
}

std::string_view ByteReader::line(std::size_t longest) {
  const auto rest = bytes_.subspan(position_, std::min(remaining(), longest + 1));
  const std::string_view view(reinterpret_cast<const char*>(rest.data()), rest.size());
  const std::size_t length = view.find('\n');
  if (length == view.npos) reject(fmt::format("no line end within {} bytes", longest));
  position_ += length + 1;
  return view.substr(0, length);
}

}  // namespace frost
