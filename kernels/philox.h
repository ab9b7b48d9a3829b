#pragma once

#include <array>
#include <cstdint>

#include "kernels/host_device.h"

namespace frost {

/// Four 32-bit words: a Philox counter or its output block.
struct PhiloxBlock {
  std::uint32_t word[4];
};

/// Philox4x32-10: the counter-based generator of Salmon et al., "Parallel random numbers: as easy
/// as 1, 2, 3", SC 2011. The same numbers on host and device.
FROST_HOST_DEVICE inline PhiloxBlock philox4x32(PhiloxBlock counter, std::uint64_t seed) {
  constexpr std::uint64_t kMul0 = 0xD2511F53u, kMul1 = 0xCD9E8D57u;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
  auto key0 = static_cast<std::uint32_t>(seed);
  auto key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = kMul0 * counter.word[0], p1 = kMul1 * counter.word[2];
    counter = {{static_cast<std::uint32_t>(p1 >> 32) ^ counter.word[1] ^ key0,
                static_cast<std::uint32_t>(p1),
                static_cast<std::uint32_t>(p0 >> 32) ^ counter.word[3] ^ key1,
                static_cast<std::uint32_t>(p0)}};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return counter;
}

/// Maps 32 random bits to [0, 1) with 24 bits of resolution.
FROST_HOST_DEVICE inline float philox_uniform(std::uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}

}  // namespace frost
