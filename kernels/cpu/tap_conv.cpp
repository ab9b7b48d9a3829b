#include "kernels/cpu/tap_conv.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/panel_gemm.h"
#include "kernels/parallel_for.h"

namespace frost {
namespace {

/// One pair of pixels that a tap connects.
struct LiveTap {
  std::int64_t out, tap, in;
};

std::vector<LiveTap> live_taps(const Conv2dShape& s) {
  std::vector<LiveTap> live;
  for (std::int64_t out = 0; out < s.oh() * s.ow(); ++out) {
    for (std::int64_t tap = 0; tap < s.kh * s.kw; ++tap) {
      const std::int64_t iy = out / s.ow() * s.stride - s.pad + tap / s.kw;
      const std::int64_t ix = out % s.ow() * s.stride - s.pad + tap % s.kw;
      if (iy >= 0 && iy < s.h && ix >= 0 && ix < s.w) live.push_back({out, tap, iy * s.w + ix});
    }
  }
  return live;
}

/// The live taps in groups 0 .. count-1 of equal `key`.
template <class Key>
std::vector<std::vector<LiveTap>> grouped(const Conv2dShape& s, std::int64_t count,
                                          const Key& key) {
  std::vector<std::vector<LiveTap>> groups(static_cast<std::size_t>(count));
  for (const LiveTap& t : live_taps(s)) groups[static_cast<std::size_t>(key(t))].push_back(t);
  return groups;
}

std::int64_t panels(std::int64_t channels) {
  return (channels + kPanel - 1) / kPanel;
}

/// Calls fn(group, its taps, first channel of the panel, width) for all groups and panels.
template <class Fn>
void for_each_panel(const std::vector<std::vector<LiveTap>>& groups, std::int64_t channels,
                    std::int64_t cost, const Fn& fn) {
  const auto count = static_cast<std::int64_t>(groups.size());
  parallel_for(count * panels(channels), cost, [&](std::int64_t i) {
    const std::int64_t group = i % count, c = i / count * kPanel;
    fn(group, groups[static_cast<std::size_t>(group)], c, std::min(kPanel, channels - c));
  });
}

template <class A, class B>
std::vector<GemmTerm> terms_of(const std::vector<LiveTap>& taps, const A& a, const B& b) {
  std::vector<GemmTerm> terms;
  for (const LiveTap& t : taps) terms.push_back({a(t), b(t)});
  return terms;
}

/// to[pixel, image] = from[image, pixel], rows of `channels`.
void pixels_first(std::int64_t n, std::int64_t pixels, std::int64_t channels, const float* from,
                  float* to) {
  parallel_for(pixels * n, channels, [&](std::int64_t row) {
    std::copy_n(from + (row % n * pixels + row / n) * channels, channels, to + row * channels);
  });
}

}  // namespace

const float* TapConvolutions::packed(const Conv2dShape& s, WeightView weight) {
  const std::int64_t taps = s.kh * s.kw;
  const auto bytes = static_cast<std::size_t>(taps * s.c * s.k) * sizeof(float);
  Packed* entry = nullptr;
  if (weight.id == 0) {
    unnamed_ = TrackedBuffer(backend_, MemoryTag::kWorkspace, bytes);
  } else {
    const auto [found, added] = packed_.try_emplace(weight.id);
    entry = &found->second;
    if (added) {
      *entry = {weight.version + 1, TrackedBuffer(backend_, MemoryTag::kPacked, bytes)};
    }
    if (entry->version == weight.version) return entry->buffer.floats();
    if (!backend_.dry_run()) entry->version = weight.version;
  }
  float* to = entry == nullptr ? unnamed_.floats() : entry->buffer.floats();
  if (backend_.dry_run()) return to;
  parallel_for(taps * panels(s.k), s.c * kPanel, [&](std::int64_t i) {
    const std::int64_t tap = i % taps, k = i / taps * kPanel, width = std::min(kPanel, s.k - k);
    transpose_blocks(width, s.c, weight.data + (k * taps + tap) * s.c, taps * s.c,
                     to + (tap * s.k + k) * s.c, width);
  });
  return to;
}

void TapConvolutions::forward(const Conv2dShape& s, const float* x, WeightView weight,
                              const float* bias, const float* residual, bool relu, float* y) {
  const std::int64_t pixels = s.oh() * s.ow(), row = pixels * s.k;
  const auto groups = grouped(s, pixels, [](const LiveTap& t) { return t.out; });
  const float* u = packed(s, weight);
  if (backend_.dry_run()) return;
  const std::int64_t cost = 2 * s.n * s.c * kPanel;
  for_each_panel(groups, s.k, cost, [&](auto pixel, const auto& taps, auto k, auto width) {
    const auto terms = terms_of(
        taps, [&](const LiveTap& t) { return x + t.in * s.c; },
        [&](const LiveTap& t) { return u + (t.tap * s.k + k) * s.c; });
    float* out = y + pixel * s.k + k;
    panel_gemm({s.n, width, s.c, s.h * s.w * s.c, 1, width, row}, terms, false, out);
    for (std::int64_t n = 0; n < s.n; ++n) {
      for (std::int64_t i = 0; i < width; ++i) {
        float value = out[n * row + i] + (bias == nullptr ? 0.0f : bias[k + i]);
        if (residual != nullptr) value += residual[n * row + pixel * s.k + k + i];
        out[n * row + i] = relu && value < 0.0f ? 0.0f : value;
      }
    }
  });
}

void TapConvolutions::backward_data(const Conv2dShape& s, const float* dy, WeightView weight,
                                    GradOut dx) {
  if (backend_.dry_run()) return;
  const std::int64_t pixels = s.h * s.w, row = pixels * s.c, taps_row = s.kh * s.kw * s.c;
  const auto groups = grouped(s, pixels, [](const LiveTap& t) { return t.in; });
  const std::int64_t cost = 2 * s.n * s.k * kPanel;
  for_each_panel(groups, s.c, cost, [&](auto pixel, const auto& taps, auto c, auto width) {
    const auto terms = terms_of(
        taps, [&](const LiveTap& t) { return dy + t.out * s.k; },
        [&](const LiveTap& t) { return weight.data + t.tap * s.c + c; });
    panel_gemm({s.n, width, s.k, s.oh() * s.ow() * s.k, 1, taps_row, row}, terms,
               dx.mode == GradMode::kAccumulate, dx.data + pixel * s.c + c);
  });
}

void TapConvolutions::backward_weight(const Conv2dShape& s, const float* x, const float* dy,
                                      GradOut dweight) {
  const std::int64_t in = s.h * s.w, out = s.oh() * s.ow(), taps_row = s.kh * s.kw * s.c;
  const TrackedBuffer scratch(
      backend_, MemoryTag::kWorkspace,
      static_cast<std::size_t>(s.n * (in * s.c + out * s.k)) * sizeof(float));
  if (backend_.dry_run()) return;
  float *rows = scratch.floats(), *gradients = rows + s.n * in * s.c;
  // Sums over images would otherwise step by whole maps, which share few sets of the cache.
  pixels_first(s.n, in, s.c, x, rows);
  pixels_first(s.n, out, s.k, dy, gradients);
  const auto groups = grouped(s, s.kh * s.kw, [](const LiveTap& t) { return t.tap; });
  const std::int64_t cost = 2 * s.n * s.k * kPanel;
  for_each_panel(groups, s.c, cost, [&](auto tap, const auto& taps, auto c, auto width) {
    const auto terms = terms_of(
        taps, [&](const LiveTap& t) { return gradients + t.out * s.n * s.k; },
        [&](const LiveTap& t) { return rows + t.in * s.n * s.c + c; });
    const std::size_t at_once = static_cast<std::size_t>(std::max<std::int64_t>(1, 256 / s.n));
    bool accumulate = dweight.mode == GradMode::kAccumulate;
    for (std::size_t first = 0; first == 0 || first < terms.size(); first += at_once) {
      const std::span<const GemmTerm> some(terms.data() + first,
                                           std::min(at_once, terms.size() - first));
      panel_gemm({s.k, width, s.n, 1, s.k, s.c, taps_row}, some, accumulate,
                 dweight.data + tap * s.c + c);
      accumulate = true;
    }
  });
}

}  // namespace frost
