#include "engine/layers/image_layout.h"

#include <cstddef>

namespace frost {

std::vector<float> nchw_to_nhwc(const std::vector<float>& values,
                                const std::vector<std::int64_t>& s) {
  const auto n = static_cast<std::size_t>(s[0]), c = static_cast<std::size_t>(s[1]);
  const auto pixels = static_cast<std::size_t>(s[2] * s[3]);
  std::vector<float> out(values.size());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < c; ++j) {
      for (std::size_t p = 0; p < pixels; ++p) {
        out[(i * pixels + p) * c + j] = values[(i * c + j) * pixels + p];
      }
    }
  }
  return out;
}

std::vector<float> nhwc_to_nchw(const std::vector<float>& values,
                                const std::vector<std::int64_t>& s) {
  // The inverse permutation is the same transposition with pixels and channels exchanged.
  return nchw_to_nhwc(values, {s[0], s[1] * s[2], s[3], 1});
}

std::vector<float> sum_input_channels(const std::vector<float>& values,
                                      const std::vector<std::int64_t>& oihw) {
  const auto channels = static_cast<std::size_t>(oihw[1]);
  const auto taps = static_cast<std::size_t>(oihw[2] * oihw[3]);
  std::vector<float> out(values.size() / channels);
  for (std::size_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < channels; ++c) {
      sum += values[(i / taps * channels + c) * taps + i % taps];
    }
    out[i] = static_cast<float>(sum);
  }
  return out;
}

}  // namespace frost
