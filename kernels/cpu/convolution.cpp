#include <algorithm>

#include "kernels/cpu/conv/indirect_conv.h"
#include "kernels/cpu/conv/stem_conv.h"
#include "kernels/cpu/conv/winograd_conv.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/families.h"
#include "kernels/tracked_buffer.h"

namespace frost {
namespace {

enum class ConvKernel { kWinograd, kStem, kIndirect };

/// The choice depends on the shape alone, so equal seeds give equal bits on every level
/// (docs/architecture.md, "Convolutions on the CPU").
ConvKernel kernel_for(const Conv2dShape& s) {
  if (WinogradConvolutions::pays(s)) return ConvKernel::kWinograd;
  return stem_fits(s) ? ConvKernel::kStem : ConvKernel::kIndirect;
}

/// Whether some taps only ever meet padding.
bool below_reach(const Conv2dShape& s) {
  return s.kh * s.kw > 1 && s.h * s.w <= s.kh * s.kw;
}

/// The convolution on maps with their padding written out, which multiplies what a padded one
/// leaves out.
class WrittenPadding {
 public:
  WrittenPadding(Backend& backend, const Conv2dShape& s)
      : given_(s),
        shape_{s.n, s.h + 2 * s.pad, s.w + 2 * s.pad, s.c, s.k, s.kh, s.kw, s.stride, 0},
        maps_(backend, MemoryTag::kWorkspace,
              static_cast<std::size_t>(s.n * shape_.h * shape_.w * s.c) * sizeof(float)) {}

  const Conv2dShape& shape() const { return shape_; }
  float* maps() const { return maps_.floats(); }

  const float* write(const float* x) const {
    std::fill_n(maps(), shape_.n * shape_.h * shape_.w * shape_.c, 0.0f);
    for_each_row([&](std::int64_t inner, std::int64_t outer, std::int64_t floats) {
      std::copy_n(x + inner, floats, maps() + outer);
    });
    return maps();
  }
  void read(GradOut dx) const {
    for_each_row([&](std::int64_t inner, std::int64_t outer, std::int64_t floats) {
      for (std::int64_t i = 0; i < floats; ++i) {
        store(maps()[outer + i], dx.mode, dx.data[inner + i]);
      }
    });
  }

 private:
  template <class Fn>
  void for_each_row(const Fn& fn) const {
    for (std::int64_t row = 0; row < given_.n * given_.h; ++row) {
      const std::int64_t n = row / given_.h, y = row % given_.h + given_.pad;
      fn(row * given_.w * given_.c, ((n * shape_.h + y) * shape_.w + given_.pad) * given_.c,
         given_.w * given_.c);
    }
  }

  Conv2dShape given_, shape_;
  TrackedBuffer maps_;
};

class CpuConvolution final : public ConvolutionKernels {
 public:
  explicit CpuConvolution(CpuBackend& backend)
      : backend_(backend), indirect_(backend), winograd_(backend) {}

  void conv2d_forward(const Conv2dShape& shape, const float* x, WeightView weight,
                      const float* bias, const float* residual, bool relu, float* y) override {
    if (below_reach(shape) && !backend_.options().skip_dead_taps) {
      const WrittenPadding padded(backend_, shape);
      return indirect_.forward(padded.shape(), backend_.dry_run() ? x : padded.write(x), weight,
                               bias, residual, relu, y);
    }
    switch (kernel_for(shape)) {
      case ConvKernel::kWinograd:
        return winograd_.forward(shape, x, weight, bias, residual, relu, y);
      case ConvKernel::kStem:
        return stem_forward(backend_, shape, x, weight.data, bias, residual, relu, y);
      case ConvKernel::kIndirect:
        return indirect_.forward(shape, x, weight, bias, residual, relu, y);
    }
  }

  void conv2d_backward_data(const Conv2dShape& shape, const float* dy, WeightView weight,
                            GradOut dx) override {
    if (below_reach(shape) && !backend_.options().skip_dead_taps) {
      const WrittenPadding padded(backend_, shape);
      indirect_.backward_data(padded.shape(), dy, weight, {padded.maps(), GradMode::kOverwrite});
      if (!backend_.dry_run()) padded.read(dx);
      return;
    }
    switch (kernel_for(shape)) {
      case ConvKernel::kWinograd:
        return winograd_.backward_data(shape, dy, weight, dx);
      case ConvKernel::kStem:
        return stem_backward_data(backend_, shape, dy, weight.data, dx);
      case ConvKernel::kIndirect:
        return indirect_.backward_data(shape, dy, weight, dx);
    }
  }

  void conv2d_backward_weight(const Conv2dShape& shape, const float* x, const float* dy,
                              GradOut dweight) override {
    if (below_reach(shape) && !backend_.options().skip_dead_taps) {
      const WrittenPadding padded(backend_, shape);
      return indirect_.backward_weight(padded.shape(), backend_.dry_run() ? x : padded.write(x), dy,
                                       dweight);
    }
    switch (kernel_for(shape)) {
      case ConvKernel::kWinograd:
        return winograd_.backward_weight(shape, x, dy, dweight);
      case ConvKernel::kStem:
        return stem_backward_weight(backend_, shape, x, dy, dweight);
      case ConvKernel::kIndirect:
        return indirect_.backward_weight(shape, x, dy, dweight);
    }
  }

  void forget_weight(std::uint64_t id) override {
    indirect_.forget(id);
    winograd_.forget(id);
  }

 private:
  CpuBackend& backend_;
  IndirectConvolutions indirect_;
  WinogradConvolutions winograd_;
};

}  // namespace

KernelWork conv2d_work(const Conv2dShape& s) {
  switch (kernel_for(s)) {
    case ConvKernel::kWinograd:
      return {"short correlation", WinogradConvolutions::multiplications(s)};
    case ConvKernel::kStem:
      return {"stem", s.n * s.oh() * s.ow() * s.kh * s.kw * s.c * s.k};
    case ConvKernel::kIndirect:
      break;
  }
  return {"indirect", IndirectConvolutions::multiplications(s)};
}

std::unique_ptr<ConvolutionKernels> make_convolution(CpuBackend& backend) {
  return std::make_unique<CpuConvolution>(backend);
}

}  // namespace frost
