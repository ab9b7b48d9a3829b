#include "engine/io/shared_bytes.h"

#include <algorithm>
#include <utility>

#include "kernels/errors.h"

namespace frost {

SharedBytes::SharedBytes(std::vector<std::byte> bytes) {
  auto block = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  view_ = *block;
  owner_ = std::move(block);
}

SharedBytes SharedBytes::part(std::size_t first, std::size_t count) const {
  if (first > size() || count > size() - first) fail("SharedBytes", "part outside of its block");
  return {owner_, view_.subspan(first, count)};
}

SharedBytes SharedBytes::part(std::span<const std::byte> inside) const {
  if (inside.empty()) return part(0, 0);
  if (std::less<>()(inside.data(), data())) fail("SharedBytes", "part outside of its block");
  return part(static_cast<std::size_t>(inside.data() - data()), inside.size());
}

bool SharedBytes::operator==(const SharedBytes& other) const {
  return std::equal(begin(), end(), other.begin(), other.end());
}

}  // namespace frost
