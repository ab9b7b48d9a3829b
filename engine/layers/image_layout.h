#pragma once

#include <cstdint>
#include <vector>

namespace frost {

/// [n,c,h,w] <-> [n,h,w,c] on the host; weights OIHW <-> OHWI alike.
std::vector<float> nchw_to_nhwc(const std::vector<float>& values,
                                const std::vector<std::int64_t>& nchw);
std::vector<float> nhwc_to_nchw(const std::vector<float>& values,
                                const std::vector<std::int64_t>& nhwc);

/// Weights for one channel, [o,c,kh,kw] -> [o,1,kh,kw], that do to it what these do to `c` equal
/// ones; summed in double.
std::vector<float> sum_input_channels(const std::vector<float>& values,
                                      const std::vector<std::int64_t>& oihw);

}  // namespace frost
