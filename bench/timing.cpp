#include "bench/timing.h"

#include <cstdint>

#include "kernels/parallel_for.h"

namespace frost {

double triad_gigabytes_per_second() {
  constexpr std::int64_t kFloats = 32 << 20;  // 128 MB an array
  constexpr auto kSize = static_cast<std::size_t>(kFloats);
  std::vector<float> a(kSize), b(kSize, 1.0f), c(kSize, 2.0f);
  float *to = a.data(), *x = b.data(), *y = c.data();
  const Timing timing = time_calls(0.5, [&] {
    parallel_blocks(kFloats, 2, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) to[i] = x[i] + 3.0f * y[i];
    });
  });
  return 3e-9 * kFloats * sizeof(float) / timing.best;
}

}  // namespace frost
