#include "kernels/cpu/conv_work.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/onednn.h"
#include "kernels/cpu/single_channel_conv.h"
#include "kernels/cpu/tap_conv.h"
#include "kernels/cpu/winograd_conv.h"
#include "kernels/cpu/winograd_tile.h"
#include "kernels/tracked_buffer.h"

namespace frost {
namespace {

enum class ConvKernel { kWinograd, kTaps, kSingleChannel, kOneDnn };

/// The choice depends on the shape and a setting alone, so equal seeds give equal bits
/// (docs/architecture.md, "Convolutions on the CPU").
ConvKernel kernel_for(const Conv2dShape& s, bool skip_dead_taps) {
  const bool below_reach = s.kh * s.kw > 1 && s.h * s.w <= s.kh * s.kw;
  if (below_reach && !skip_dead_taps) return ConvKernel::kOneDnn;
  if (WinogradConvolutions::pays(s)) return ConvKernel::kWinograd;
  if (s.c == 1 && s.k % 16 == 0) return ConvKernel::kSingleChannel;
  // Images are the rows of its products: a few do not fill the registers, except that on tiny maps
  // the alternative multiplies padding.
  constexpr std::int64_t kEnoughImages = 16, kTinyMap = 9;
  const bool rows = s.n >= kEnoughImages || s.oh() * s.ow() <= kTinyMap;
  return rows && TapConvolutions::fits(s) ? ConvKernel::kTaps : ConvKernel::kOneDnn;
}

/// Pairs of an output and a tap that meets data, along one side of the map.
std::int64_t live_taps(std::int64_t side, std::int64_t out, std::int64_t taps, std::int64_t stride,
                       std::int64_t pad) {
  std::int64_t live = 0;
  for (std::int64_t o = 0; o < out; ++o) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::int64_t at = o * stride - pad + tap;
      live += at >= 0 && at < side;
    }
  }
  return live;
}

/// Products per pair of channels.
std::int64_t products(const Conv2dShape& s, ConvKernel kernel) {
  if (kernel == ConvKernel::kWinograd) {
    const TileKernels& tiles = tile_kernels_for(s.h, s.w);
    const std::int64_t rows = (s.h + tiles.out - 1) / tiles.out;
    return s.n * rows * ((s.w + tiles.out - 1) / tiles.out) * tiles.products();
  }
  if (kernel == ConvKernel::kTaps) {
    return s.n * live_taps(s.h, s.oh(), s.kh, s.stride, s.pad) *
           live_taps(s.w, s.ow(), s.kw, s.stride, s.pad);
  }
  return s.n * s.oh() * s.ow() * s.kh * s.kw;
}

constexpr bool kSkipDeadTaps = ComputeOptions{}.skip_dead_taps;

}  // namespace

std::int64_t conv2d_multiplications(const Conv2dShape& s) {
  return products(s, kernel_for(s, kSkipDeadTaps)) * s.c * s.k;
}

const char* conv2d_algorithm(const Conv2dShape& s) {
  switch (kernel_for(s, kSkipDeadTaps)) {
    case ConvKernel::kWinograd:
      return "short";
    case ConvKernel::kTaps:
      return "taps";
    case ConvKernel::kSingleChannel:
      return "one-channel";
    case ConvKernel::kOneDnn:
      return "oneDNN";
  }
  return "";
}

void CpuBackend::conv2d_forward(const Conv2dShape& shape, const float* x, WeightView weight,
                                const float* bias, const float* residual, bool relu, float* y) {
  switch (kernel_for(shape, options_.skip_dead_taps)) {
    case ConvKernel::kWinograd:
      return winograd_->forward(shape, x, weight, bias, residual, relu, y);
    case ConvKernel::kTaps:
      return taps_->forward(shape, x, weight, bias, residual, relu, y);
    case ConvKernel::kSingleChannel:
      return single_channel_forward(*this, shape, x, weight.data, bias, residual, relu, y);
    case ConvKernel::kOneDnn:
      return direct_->forward(shape, x, weight, bias, residual, relu, y);
  }
}

void CpuBackend::conv2d_backward_data(const Conv2dShape& shape, const float* dy, WeightView weight,
                                      GradOut dx) {
  const ConvKernel kernel = kernel_for(shape, options_.skip_dead_taps);
  if (kernel == ConvKernel::kWinograd) return winograd_->backward_data(shape, dy, weight, dx);
  if (kernel == ConvKernel::kTaps) return taps_->backward_data(shape, dy, weight, dx);
  // oneDNN has only slow kernels for one channel.
  if (shape.c == 1) return single_channel_backward_data(*this, shape, dy, weight.data, dx);
  if (dx.mode == GradMode::kOverwrite) return direct_->backward_data(shape, dy, weight, dx.data);
  const std::int64_t n = shape.n * shape.h * shape.w * shape.c;
  const TrackedBuffer term(*this, MemoryTag::kWorkspace,
                           static_cast<std::size_t>(n) * sizeof(float));
  direct_->backward_data(shape, dy, weight, term.floats());
  axpy(n, 1.0f, term.floats(), dx);
}

void CpuBackend::conv2d_backward_weight(const Conv2dShape& shape, const float* x, const float* dy,
                                        GradOut dweight) {
  switch (kernel_for(shape, options_.skip_dead_taps)) {
    case ConvKernel::kWinograd:
      return winograd_->backward_weight(shape, x, dy, dweight);
    case ConvKernel::kTaps:
      return taps_->backward_weight(shape, x, dy, dweight);
    case ConvKernel::kSingleChannel:
      return single_channel_backward_weight(*this, shape, x, dy, dweight);
    case ConvKernel::kOneDnn:
      return direct_->backward_weight(shape, x, dy, dweight);
  }
}

void CpuBackend::forget_weight(std::uint64_t id) {
  direct_->forget(id);
  taps_->forget(id);
  winograd_->forget(id);
}

}  // namespace frost
