#include "engine/random.h"

#include <cmath>
#include <numbers>

namespace frost {

std::uint32_t RandomStream::next_bits() {
  if (position_ % 4 == 0 || !block_ready_) {
    const std::uint64_t block = position_ / 4;
    block_ = philox4x32({{static_cast<std::uint32_t>(block),
                          static_cast<std::uint32_t>(block >> 32), index_, purpose_}},
                        seed_);
    block_ready_ = true;
  }
  return block_.word[position_++ % 4];
}

double RandomStream::uniform_double() {
  const std::uint64_t high = next_bits(), low = next_bits();
  return static_cast<double>(((high << 32) | low) >> 11) * 0x1p-53;
}

float RandomStream::normal() {
  // 1 - u lies in (0, 1], so the logarithm is finite.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - static_cast<double>(uniform())));
  return static_cast<float>(radius * std::cos(2.0 * std::numbers::pi * uniform()));
}

std::uint32_t RandomStream::below(std::uint32_t n) {
  // Multiply-shift; its bias is below n / 2^32.
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(next_bits()) * n) >> 32);
}

}  // namespace frost
