#include "kernels/cpu/onednn.h"

#include <algorithm>
#include <cstring>
#include <dnnl.hpp>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernels/lru_cache.h"
#include "kernels/status.h"
#include "kernels/tracked_buffer.h"

// Two generations of the interface: in v2 (2.6 in Debian 12) an operation descriptor comes before the
// primitive descriptor, in v3 (3.7 in Debian 13) the latter takes its place.
namespace frost {
namespace {

template <class Primitive, class... Arguments>
typename Primitive::primitive_desc describe(const dnnl::engine& engine,
                                            const dnnl::primitive_attr& attributes,
                                            const Arguments&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine, arguments..., attributes};
#else
  return {typename Primitive::desc(arguments...), attributes, engine};
#endif
}

/// The same for a gradient, which also names the forward pass it belongs to.
template <class Primitive, class Hint, class... Arguments>
typename Primitive::primitive_desc describe_gradient(const dnnl::engine& engine,
                                                     const dnnl::primitive_attr& attributes,
                                                     const Hint& hint,
                                                     const Arguments&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine, arguments..., hint, attributes};
#else
  return {typename Primitive::desc(arguments...), attributes, engine, hint};
#endif
}

using dnnl::memory;
constexpr auto kF32 = memory::data_type::f32;

enum class Direction { kForward, kBackwardData, kBackwardWeight };

/// What a ready primitive depends on. Zero-initialised so that its bytes can be hashed.
struct PrimitiveKey {
  Conv2dShape shape;
  std::int64_t direction, bias, residual, relu;

  bool operator==(const PrimitiveKey&) const = default;
};

struct PrimitiveKeyHash {
  std::size_t operator()(const PrimitiveKey& key) const {
    return std::hash<std::string_view>()(
        {reinterpret_cast<const char*>(&key), sizeof(PrimitiveKey)});
  }
};

/// A primitive with the layouts it wants.
struct ReadyConvolution {
  dnnl::primitive primitive;
  memory::desc source, weights, destination, bias, scratchpad;
};

memory::desc nhwc(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
  return {{n, c, h, w}, kF32, memory::format_tag::nhwc};
}

/// Weights as the engine stores them: logical OIHW, physical OHWI.
memory::desc plain_weights(const Conv2dShape& s) {
  return {{s.k, s.c, s.kh, s.kw}, kF32, memory::dims{s.kh * s.kw * s.c, 1, s.kw * s.c, s.c}};
}

dnnl::primitive_attr attributes(bool residual, bool relu) {
  dnnl::primitive_attr attr;
  // The library's default scratchpad is thread-local and unaccounted; ours is neither.
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops post;
  if (residual) post.append_sum(1.0f);
#if DNNL_VERSION_MAJOR >= 3
  if (relu) post.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
#else
  if (relu) post.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
#endif
  attr.set_post_ops(post);
  return attr;
}

struct Layouts {
  memory::desc source, weights_any, destination, bias;
  memory::dims strides, padding;

  explicit Layouts(const Conv2dShape& s)
      : source(nhwc(s.n, s.h, s.w, s.c)),
        weights_any({s.k, s.c, s.kh, s.kw}, kF32, memory::format_tag::any),
        destination(nhwc(s.n, s.oh(), s.ow(), s.k)),
        bias({s.k}, kF32, memory::format_tag::a),
        strides{s.stride, s.stride},
        padding{s.pad, s.pad} {}
};

dnnl::convolution_forward::primitive_desc make_forward(const PrimitiveKey& key,
                                                       const dnnl::engine& engine,
                                                       dnnl::prop_kind prop) {
  const Layouts l(key.shape);
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
  const auto attr = attributes(key.residual, key.relu);
  if (key.bias) {
    return describe<dnnl::convolution_forward>(engine, attr, prop, kDirect, l.source, l.weights_any,
                                               l.bias, l.destination, l.strides, l.padding,
                                               l.padding);
  }
  return describe<dnnl::convolution_forward>(engine, attr, prop, kDirect, l.source, l.weights_any,
                                             l.destination, l.strides, l.padding, l.padding);
}

ReadyConvolution make_convolution(const PrimitiveKey& key, const dnnl::engine& engine) {
  const Layouts l(key.shape);
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
  if (key.direction == static_cast<std::int64_t>(Direction::kForward)) {
    const auto pd = make_forward(key, engine, dnnl::prop_kind::forward_inference);
    return {dnnl::convolution_forward(pd), pd.src_desc(), pd.weights_desc(), pd.dst_desc(), l.bias,
            pd.scratchpad_desc()};
  }
  const auto hint = make_forward(key, engine, dnnl::prop_kind::forward_training);
  if (key.direction == static_cast<std::int64_t>(Direction::kBackwardData)) {
    const auto pd = describe_gradient<dnnl::convolution_backward_data>(
        engine, attributes(false, false), hint, kDirect, l.source, l.weights_any, l.destination,
        l.strides, l.padding, l.padding);
    return {dnnl::convolution_backward_data(pd),
            pd.diff_src_desc(),
            pd.weights_desc(),
            pd.diff_dst_desc(),
            l.bias,
            pd.scratchpad_desc()};
  }
  const auto pd = describe_gradient<dnnl::convolution_backward_weights>(
      engine, attributes(false, false), hint, kDirect, l.source, l.weights_any, l.destination,
      l.strides, l.padding, l.padding);
  return {dnnl::convolution_backward_weights(pd),
          pd.src_desc(),
          pd.diff_weights_desc(),
          pd.diff_dst_desc(),
          l.bias,
          pd.scratchpad_desc()};
}

float* mutable_data(const float* data) {
  return const_cast<float*>(data);
}

}  // namespace

struct OneDnnConvolutions::Impl {
  struct Packed {
    memory::desc layout;
    std::uint64_t version;
    TrackedBuffer buffer;
  };

  explicit Impl(Backend& owner) : backend(owner) {}

  ReadyConvolution& ready(const PrimitiveKey& key) {
    return primitives.get(key, [&] { return make_convolution(key, engine); });
  }

  memory wrap(const memory::desc& layout, const float* data) {
    return {layout, engine, mutable_data(data)};
  }

  void reorder(memory from, memory to, bool accumulate = false) {
    if (backend.dry_run()) return;
    dnnl::primitive_attr attr;
    if (accumulate) {
      dnnl::post_ops post;
      post.append_sum(1.0f);
      attr.set_post_ops(post);
    }
    dnnl::reorder(dnnl::reorder::primitive_desc(from, to, attr)).execute(stream, from, to);
  }

  TrackedBuffer& scratch(TrackedBuffer& buffer, std::size_t bytes) {
    if (buffer.bytes() < bytes) buffer = TrackedBuffer(backend, MemoryTag::kWorkspace, bytes);
    return buffer;
  }

  /// The weight in the layout the primitive wants; reordered at most once per version.
  memory packed(const Conv2dShape& shape, WeightView weight, const memory::desc& layout) {
    const memory plain = wrap(plain_weights(shape), weight.data);
    if (layout == plain.get_desc()) return plain;
    if (weight.id == 0) {
      const memory to = wrap(layout, scratch(unnamed_weight, layout.get_size()).floats());
      reorder(plain, to);
      return to;
    }
    auto& entries = packed_weights[weight.id];
    auto entry = std::find_if(entries.begin(), entries.end(),
                              [&](const Packed& p) { return p.layout == layout; });
    if (entry == entries.end()) {
      TrackedBuffer buffer(backend, MemoryTag::kPacked, layout.get_size());
      entry = entries.insert(entry, {layout, weight.version + 1, std::move(buffer)});
    }
    const memory to = wrap(layout, entry->buffer.floats());
    if (entry->version != weight.version && !backend.dry_run()) {
      reorder(plain, to);
      entry->version = weight.version;
    }
    return to;
  }

  void execute(ReadyConvolution& conv, std::unordered_map<int, memory> arguments) {
    const std::size_t bytes = conv.scratchpad.get_size();
    if (bytes > 0) {
      arguments.emplace(DNNL_ARG_SCRATCHPAD,
                        wrap(conv.scratchpad, scratch(scratchpad, bytes).floats()));
    }
    if (backend.dry_run()) return;
    conv.primitive.execute(stream, arguments);
    stream.wait();
  }

  Backend& backend;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  LruCache<PrimitiveKey, ReadyConvolution, PrimitiveKeyHash> primitives{512};
  std::unordered_map<std::uint64_t, std::vector<Packed>> packed_weights;
  TrackedBuffer scratchpad, unnamed_weight, weight_gradient;
};

OneDnnConvolutions::OneDnnConvolutions(Backend& backend) : impl_(std::make_unique<Impl>(backend)) {}
OneDnnConvolutions::~OneDnnConvolutions() = default;

void OneDnnConvolutions::forward(const Conv2dShape& shape, const float* x, WeightView weight,
                                 const float* bias, const float* residual, bool relu, float* y) {
  ReadyConvolution& conv = impl_->ready({shape, static_cast<std::int64_t>(Direction::kForward),
                                         bias != nullptr, residual != nullptr, relu});
  if (residual != nullptr && residual != y) {
    // oneDNN's sum post-op adds to what the destination holds.
    impl_->backend.axpy(shape.n * shape.oh() * shape.ow() * shape.k, 1.0f, residual,
                        {y, GradMode::kOverwrite});
  }
  std::unordered_map<int, memory> arguments{
      {DNNL_ARG_SRC, impl_->wrap(conv.source, x)},
      {DNNL_ARG_WEIGHTS, impl_->packed(shape, weight, conv.weights)},
      {DNNL_ARG_DST, impl_->wrap(conv.destination, y)}};
  if (bias != nullptr) arguments.emplace(DNNL_ARG_BIAS, impl_->wrap(conv.bias, bias));
  impl_->execute(conv, std::move(arguments));
}

void OneDnnConvolutions::backward_data(const Conv2dShape& shape, const float* dy, WeightView weight,
                                       float* dx) {
  ReadyConvolution& conv =
      impl_->ready({shape, static_cast<std::int64_t>(Direction::kBackwardData), 0, 0, 0});
  impl_->execute(conv, {{DNNL_ARG_DIFF_DST, impl_->wrap(conv.destination, dy)},
                        {DNNL_ARG_WEIGHTS, impl_->packed(shape, weight, conv.weights)},
                        {DNNL_ARG_DIFF_SRC, impl_->wrap(conv.source, dx)}});
}

void OneDnnConvolutions::backward_weight(const Conv2dShape& shape, const float* x, const float* dy,
                                         GradOut dweight) {
  ReadyConvolution& conv =
      impl_->ready({shape, static_cast<std::int64_t>(Direction::kBackwardWeight), 0, 0, 0});
  const memory packed = impl_->wrap(
      conv.weights, impl_->scratch(impl_->weight_gradient, conv.weights.get_size()).floats());
  impl_->execute(conv, {{DNNL_ARG_SRC, impl_->wrap(conv.source, x)},
                        {DNNL_ARG_DIFF_DST, impl_->wrap(conv.destination, dy)},
                        {DNNL_ARG_DIFF_WEIGHTS, packed}});
  impl_->reorder(packed, impl_->wrap(plain_weights(shape), dweight.data),
                 dweight.mode == GradMode::kAccumulate);
}

void OneDnnConvolutions::forget(std::uint64_t id) {
  impl_->packed_weights.erase(id);
}

void onednn_gemm(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
                 const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta,
                 float* c, std::int64_t ldc) {
  const auto status = dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1.0f, a,
                                 lda, b, ldb, beta, c, ldc);
  if (status != dnnl_success) {
    fail("gemm", "oneDNN refused a " + std::to_string(m) + "x" + std::to_string(n) + "x" +
                     std::to_string(k) + " product (status " + std::to_string(status) + ")");
  }
}

std::string onednn_description() {
  const dnnl_version_t* version = dnnl_version();
  std::string isa;
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41:
      isa = "SSE4.1";
      break;
    case dnnl_cpu_isa_avx:
      isa = "AVX";
      break;
    case dnnl_cpu_isa_avx2:
      isa = "AVX2";
      break;
    case dnnl_cpu_isa_avx512_core:
      isa = "AVX-512";
      break;
    default:
      isa = "AVX-512 or later";
      break;
  }
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch) + ", " + isa;
}

}  // namespace frost
