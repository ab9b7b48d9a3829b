#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu_levels.h"

// The only name of a level that other code sees: all else is local to it, so that no function
// compiled for a newer CPU can take the place of its namesake elsewhere (cmake/cpu_levels.cmake).
#define FROST_JOINED(a, b) a##b
#define FROST_ENTRY(name) FROST_JOINED(frost_cpu_level_, name)
#define FROST_TEXT_OF(name) #name
#define FROST_TEXT(name) FROST_TEXT_OF(name)

namespace frost {
namespace {

Backend* create() {
  return new CpuBackend(FROST_TEXT(FROST_CPU_LEVEL));
}

std::int64_t multiply_adds(std::int64_t rounds) {
  constexpr int kChains = 12;
  Vec sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = broadcast(static_cast<float>(i));
  const Vec factor = broadcast(0.999f), addend = broadcast(1e-3f);
  for (std::int64_t i = 0; i < rounds; ++i) {
    unrolled<kChains>([&](auto j) __attribute__((always_inline)) {
      sums[j] = fused(sums[j], factor, addend);
    });
  }
  Vec total{};
  for (const Vec& sum : sums) total += sum;
  volatile float sink = total[0];
  static_cast<void>(sink);
  return rounds * kChains * kLanes;
}

}  // namespace
}  // namespace frost

extern "C" __attribute__((visibility("default"))) const frost::CpuLevel* FROST_ENTRY(
    FROST_CPU_LEVEL)() {
  static constexpr frost::CpuLevel kLevel{FROST_TEXT(FROST_CPU_LEVEL), frost::create,
                                          frost::multiply_adds, frost::conv2d_work};
  return &kLevel;
}
