#include "bench/timing.h"

#include <cstdint>

namespace frost {

double triad_gigabytes_per_second(int threads) {
  constexpr std::int64_t kFloats = 32 << 20;  // 128 MB an array
  constexpr auto kSize = static_cast<std::size_t>(kFloats);
  std::vector<float> a(kSize), b(kSize, 1.0f), c(kSize, 2.0f);
  float *to = a.data(), *x = b.data(), *y = c.data();
  const Timing timing = time_calls(0.5, [&] {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t i = 0; i < kFloats; ++i) to[i] = x[i] + 3.0f * y[i];
  });
  return 3e-9 * kFloats * sizeof(float) / timing.best;
}

}  // namespace frost
