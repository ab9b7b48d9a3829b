#include "kernels/cuda/conv/conv2d.h"

#include <algorithm>
#include <vector>

#include "kernels/cuda/conv/conv_kernels.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/rounded_matrix.h"

namespace frost::cuda {
namespace {

/// Alignment of blocks of the backend, in bytes, capped as PlanKey caps it.
constexpr std::int64_t kBlockAlignment = 16;

std::int64_t taps(const Conv2dShape& s) {
  return s.kh * s.kw * s.c;
}
std::int64_t pixels(const Conv2dShape& s) {
  return s.n * s.oh() * s.ow();
}
std::int64_t input_size(const Conv2dShape& s) {
  return s.n * s.h * s.w * s.c;
}
std::int64_t weight_size(const Conv2dShape& s) {
  return s.k * taps(s);
}
std::int64_t output_size(const Conv2dShape& s) {
  return pixels(s) * s.k;
}
std::size_t float_bytes(std::int64_t n) {
  return static_cast<std::size_t>(n) * sizeof(float);
}
/// Operands and result of a planned convolution, each moved once.
Traffic traffic(const PlanKey& key) {
  const Conv2dShape s = key.shape();
  const bool half = key.data_type == PlanKey::kBfloat16;
  const auto read = [&](std::int64_t n) { return half ? reads<std::uint16_t>(n) : reads(n); };
  const auto write = [&](std::int64_t n) { return half ? writes<std::uint16_t>(n) : writes(n); };
  const std::int64_t x = input_size(s), w = weight_size(s), y = output_size(s);
  switch (key.direction) {
    case PlanKey::kForward:
      return read(x + w) + write(y) + read(key.epilogue & PlanKey::kBias ? s.k : 0) +
             read(key.epilogue & PlanKey::kResidual ? y : 0);
    case PlanKey::kBackwardData:
      return read(y + w) + write(x);
    default:
      return read(x + y) + write(w);
  }
}

/// The same in every direction.
std::int64_t multiplications(const PlanKey& key) {
  return output_size(key.shape()) * taps(key.shape());
}
const std::uint16_t* bits(const TrackedBuffer& bfloat16s) {
  return bfloat16s.as<std::uint16_t>();
}

}  // namespace

CudnnConvolutions::Handle::Handle(cudaStream_t stream) {
  FROST_CUDNN(cudnnCreate(&raw));
  FROST_CUDNN(cudnnSetStream(raw, stream));
}

CudnnConvolutions::Handle::~Handle() {
  if (raw != nullptr) cudnnDestroy(raw);
}

CudnnConvolutions::CudnnConvolutions(CudaBackend& backend)
    : backend_(backend), handle_(backend.stream().raw()), plans_(handle_.raw, backend.stream()) {}

CudnnConvolutions::~CudnnConvolutions() = default;

bool CudnnConvolutions::rounds() const {
  return backend_.options().math == MathMode::kBf16;
}

bool CudnnConvolutions::has_plan(const PlanKey& key) {
  return use_library_ && plans_.get(key).plan != nullptr;
}

bool CudnnConvolutions::run(const PlanKey& key, std::span<const Argument> arguments) {
  if (!use_library_) return false;
  const PlanCache::Entry& entry = plans_.get(key);
  if (!entry.plan) return false;
  const Arena::Scope scope(backend_.arena());
  if (used_ != nullptr) used_->push_back(entry.plan);
  const std::size_t bytes = entry.plan->workspace_bytes();
  entry.plan->run(handle_.raw, arguments, bytes == 0 ? nullptr : backend_.arena().take(bytes));
  backend_.stream().count_library(traffic(key), multiplications(key));
  return true;
}

std::optional<TrackedBuffer> CudnnConvolutions::run_rounded(const Conv2dShape& s,
                                                            PlanKey::Direction direction,
                                                            const Operand& a, const Operand& b,
                                                            ConvTensor result, std::int64_t size) {
  const PlanKey key = plan_key(s, direction, PlanKey::kNone, backend_.options(), kBlockAlignment);
  if (!has_plan(key)) return std::nullopt;
  const RoundedMatrix rounded_a(backend_, 1, a.size, a.data, a.size);
  const RoundedMatrix rounded_b(backend_, 1, b.size, b.data, b.size);
  TrackedBuffer sums(backend_, MemoryTag::kWorkspace,
                     static_cast<std::size_t>(size) * sizeof(std::uint16_t));
  run(key, std::vector<Argument>{
               {a.tensor, rounded_a.data()}, {b.tensor, rounded_b.data()}, {result, sums.data()}});
  return sums;
}

bool CudnnConvolutions::run_gradient(const Conv2dShape& s, PlanKey::Direction direction,
                                     const Operand& a, const Operand& b, ConvTensor result,
                                     std::int64_t size, float* gradient) {
  if (rounds()) {
    const auto sums = run_rounded(s, direction, a, b, result, size);
    if (sums) widen(backend_.stream(), size, bits(*sums), gradient);
    return sums.has_value();
  }
  const PlanKey key = plan_key(s, direction, PlanKey::kNone, backend_.options(),
                               common_alignment(a.data, b.data, gradient));
  return run(key,
             std::vector<Argument>{{a.tensor, a.data}, {b.tensor, b.data}, {result, gradient}});
}

bool CudnnConvolutions::run_fused(const Conv2dShape& s, const float* x, const float* weight,
                                  const float* bias, const float* residual, float* y) {
  std::vector<Argument> arguments{{kX, x}, {kWeight, weight}, {kY, y}};
  std::int32_t epilogue = PlanKey::kNone;
  if (bias != nullptr) {
    epilogue |= PlanKey::kBias;
    arguments.push_back({kBias, bias});
  }
  if (residual != nullptr) {
    epilogue |= PlanKey::kResidual;
    arguments.push_back({kResidual, residual});
  }
  return run(plan_key(s, PlanKey::kForward, epilogue, backend_.options(),
                      common_alignment(x, weight, y, bias, residual)),
             arguments);
}

bool CudnnConvolutions::only_allocates(const Conv2dShape& s) {
  if (!backend_.dry_run()) return false;
  if (rounds()) {
    const auto rounded = [&](std::int64_t n) {
      return TrackedBuffer(backend_, MemoryTag::kWorkspace, RoundedMatrix::bytes(1, n));
    };
    const TrackedBuffer x = rounded(input_size(s)), w = rounded(weight_size(s));
    const TrackedBuffer y = rounded(output_size(s));
  }
  return true;
}

void CudnnConvolutions::forward(const Conv2dShape& s, const float* x, const float* weight,
                                const float* bias, const float* residual, bool relu, float* y) {
  if (pixels(s) == 0 || only_allocates(s)) return;
  const auto finish = [&](const auto* sums, const float* add_bias, const float* add_residual) {
    conv_epilogue(backend_.stream(), pixels(s), s.k, sums, add_bias, add_residual, relu, y);
  };
  if (rounds()) {
    const auto sums = run_rounded(s, PlanKey::kForward, {kX, x, input_size(s)},
                                  {kWeight, weight, weight_size(s)}, kY, output_size(s));
    if (sums) return finish(bits(*sums), bias, residual);
  } else if (run_fused(s, x, weight, bias, residual, y)) {
    if (relu) finish(y, nullptr, nullptr);
    return;
  }
  if (rounds() || !run_fused(s, x, weight, nullptr, nullptr, y)) unrolled_forward(s, x, weight, y);
  if (bias != nullptr || residual != nullptr || relu) finish(y, bias, residual);
}

void CudnnConvolutions::backward_data(const Conv2dShape& s, const float* dy, const float* weight,
                                      float* dx) {
  if (s.n == 0 || only_allocates(s)) return;
  if (!run_gradient(s, PlanKey::kBackwardData, {kY, dy, output_size(s)},
                    {kWeight, weight, weight_size(s)}, kX, input_size(s), dx)) {
    unrolled_backward_data(s, dy, weight, dx);
  }
}

void CudnnConvolutions::backward_weight(const Conv2dShape& s, const float* x, const float* dy,
                                        float* dweight) {
  if (only_allocates(s)) return;
  if (s.n == 0) return backend_.fill_zero(dweight, float_bytes(weight_size(s)));
  if (!run_gradient(s, PlanKey::kBackwardWeight, {kX, x, input_size(s)}, {kY, dy, output_size(s)},
                    kWeight, weight_size(s), dweight)) {
    unrolled_backward_weight(s, x, dy, dweight);
  }
}

template <class Fn>
void CudnnConvolutions::for_image_chunks(const Conv2dShape& s, const Fn& fn) {
  const Conv2dShape one_image{1, s.h, s.w, s.c, s.k, s.kh, s.kw, s.stride, s.pad};
  const std::size_t per_image = float_bytes(pixels(one_image) * taps(s));
  // Half of the workspace: the matrix product takes its own from the rest.
  const std::size_t fitting = std::max<std::size_t>(1, backend_.arena().left() / 2 / per_image);
  const std::int64_t step = std::min(s.n, static_cast<std::int64_t>(fitting));
  const Arena::Scope scope(backend_.arena());
  auto* columns =
      static_cast<float*>(backend_.arena().take(per_image * static_cast<std::size_t>(step)));
  for (std::int64_t first = 0; first < s.n; first += step) {
    Conv2dShape chunk = one_image;
    chunk.n = std::min(step, s.n - first);
    fn(chunk, first, columns);
  }
}

void CudnnConvolutions::unrolled_forward(const Conv2dShape& s, const float* x, const float* weight,
                                         float* y) {
  for_image_chunks(s, [&](const Conv2dShape& chunk, std::int64_t first, float* columns) {
    unroll_images(backend_.stream(), chunk, x + first * s.h * s.w * s.c, columns);
    backend_.matrix().gemm(false, true, pixels(chunk), s.k, taps(s), columns, taps(s), weight,
                           taps(s), {y + first * s.oh() * s.ow() * s.k, GradMode::kOverwrite}, s.k);
  });
}

void CudnnConvolutions::unrolled_backward_data(const Conv2dShape& s, const float* dy,
                                               const float* weight, float* dx) {
  for_image_chunks(s, [&](const Conv2dShape& chunk, std::int64_t first, float* columns) {
    backend_.matrix().gemm(false, false, pixels(chunk), taps(s), s.k,
                           dy + first * s.oh() * s.ow() * s.k, s.k, weight, taps(s),
                           {columns, GradMode::kOverwrite}, taps(s));
    roll_images(backend_.stream(), chunk, columns, dx + first * s.h * s.w * s.c);
  });
}

void CudnnConvolutions::unrolled_backward_weight(const Conv2dShape& s, const float* x,
                                                 const float* dy, float* dweight) {
  for_image_chunks(s, [&](const Conv2dShape& chunk, std::int64_t first, float* columns) {
    unroll_images(backend_.stream(), chunk, x + first * s.h * s.w * s.c, columns);
    const GradMode mode = first == 0 ? GradMode::kOverwrite : GradMode::kAccumulate;
    backend_.matrix().gemm(true, false, s.k, taps(s), pixels(chunk),
                           dy + first * s.oh() * s.ow() * s.k, s.k, columns, taps(s),
                           {dweight, mode}, taps(s));
  });
}

}  // namespace frost::cuda
