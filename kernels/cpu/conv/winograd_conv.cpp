#include "kernels/cpu/conv/winograd_conv.h"

#include <algorithm>

#include "kernels/cpu/conv/winograd_tile.h"
#include "kernels/cpu/panel_gemm.h"
#include "kernels/parallel_for.h"

namespace frost {
namespace {

/// What one worker does: blocks first, first + step, ... of the batch, and channels [begin, end) of
/// the result, whole panels.
struct Share {
  std::int64_t first_block, block_step, begin, end;

  std::int64_t channels() const { return end - begin; }
};

enum class Pass { kForward, kData, kWeight };

/// How a convolution is cut: the batch in blocks whose products stay near the core, and blocks, or
/// panels of channels where the weight is what takes the room, over the workers.
///
/// The cut sets the order of sums over blocks, so it depends on nothing but the shape and the
/// number of threads.
struct Plan {
  const Conv2dShape& shape;
  const TileKernels& kernels;
  std::int64_t rows, columns, rows_per_block, blocks, result_channels, workers;
  bool by_panels;

  Plan(const Conv2dShape& s, const TileKernels& tiles, Pass pass)
      : shape(s),
        kernels(tiles),
        rows((s.h + tiles.out - 1) / tiles.out),
        columns((s.w + tiles.out - 1) / tiles.out),
        result_channels(pass == Pass::kData ? s.c : s.k) {
    // Products of a block near the second cache of a core, 512 KB or more; a weight beyond
    // what workers can share is cut instead of the batch. Few tiles read a weight too often, and
    // where panels of its gradient are transformed back after each block, more are better.
    constexpr std::int64_t kNearFloats = 128 << 10, kSharedFloats = 1 << 20;
    const std::int64_t panels = (result_channels + kPanel - 1) / kPanel;
    by_panels = panels > 1 && tiles.products() * s.c * s.k >= kSharedFloats;
    const std::int64_t floats = tiles.products() * (s.c + s.k);
    const std::int64_t fewest = pass == Pass::kWeight && by_panels ? 96 : 24;
    const std::int64_t wanted = std::max(fewest, kNearFloats / floats);
    // The least that a block holds: a row of tiles, or an image where the tiles' results overlap.
    const std::int64_t step = pass == Pass::kData ? rows : 1, grains = s.n * rows / step;
    const std::int64_t at_once = std::clamp<std::int64_t>(wanted / (step * columns), 1, grains);
    workers = std::min(thread_budget(), by_panels ? panels : grains);
    // Equal shares: as many blocks as needed for every worker to take the same number.
    const std::int64_t sharers = by_panels ? 1 : workers;
    const std::int64_t rounds = (grains + sharers * at_once - 1) / (sharers * at_once);
    const std::int64_t per_block = (grains + sharers * rounds - 1) / (sharers * rounds);
    rows_per_block = per_block * step;
    blocks = (grains + per_block - 1) / per_block;
    workers = std::min(workers, by_panels ? panels : blocks);
  }

  std::int64_t tiles_per_block() const { return rows_per_block * columns; }
  /// Floats from one product of a block to the next: an odd number of cache lines, since powers of
  /// two would share few sets of the cache.
  std::int64_t stride(std::int64_t channels) const {
    return (tiles_per_block() * channels / kUnit | 1) * kUnit;
  }
  std::int64_t weight_floats() const { return kernels.products() * shape.c * shape.k; }

  Share share(std::int64_t worker) const {
    if (!by_panels) return {worker, workers, 0, result_channels};
    const std::int64_t panels = (result_channels + kPanel - 1) / kPanel;
    const auto bound = [&](std::int64_t w) {
      return std::min(result_channels, w * panels / workers * kPanel);
    };
    return {0, 1, bound(worker), bound(worker + 1)};
  }
  /// Floats of scratch that no worker's needs exceed.
  std::int64_t widest() const {
    std::int64_t widest = 0;
    for (std::int64_t w = 0; w < workers; ++w) widest = std::max(widest, share(w).channels());
    return widest;
  }

  template <class Fn>
  void run(const Fn& fn) const {
    parallel_for(workers, 2 * shape.n * rows * columns * weight_floats() / workers,
                 [&](std::int64_t worker) { fn(worker, share(worker)); });
  }

  /// Calls fn(tile within the block, floats to its image, window) over one block.
  template <class Fn>
  std::int64_t for_each_tile(std::int64_t block, std::int64_t channels, const Fn& fn) const {
    std::int64_t tile = 0;
    const std::int64_t begin = block * rows_per_block;
    const std::int64_t end = std::min(shape.n * rows, begin + rows_per_block);
    for (std::int64_t row = begin; row < end; ++row) {
      for (std::int64_t x = 0; x < columns; ++x) {
        fn(tile++, row / rows * shape.h * shape.w * channels,
           TileWindow{shape.h, shape.w, channels, row % rows * kernels.out, x * kernels.out});
      }
    }
    return tile;
  }
};

/// Calls fn(first channel, width) for the panels of [begin, end).
template <class Fn>
void for_each_panel(std::int64_t begin, std::int64_t end, const Fn& fn) {
  for (std::int64_t c = begin; c < end; c += kPanel) fn(c, std::min(kPanel, end - c));
}

/// U as [product][panel of k][c][k within the panel].
void pack(const Conv2dShape& s, const TileKernels& kernels, const float* weight, float* to) {
  parallel_for(s.k / kLanes, kernels.products() * s.c * kLanes, [&](std::int64_t strip) {
    const std::int64_t k = strip * kLanes, panel = k / kPanel * kPanel;
    const TiledColumns tiles(s.c, std::min(kPanel, s.k - panel));
    kernels.weight(s.c, weight + k * 9 * s.c, to + panel * s.c + tiles.at(k - panel), tiles.width,
                   s.c * s.k);
  });
}

/// The transpose of U, as [product][panel of c][k][c within the panel].
void transpose_weight(const Conv2dShape& s, const TileKernels& kernels, const float* u, float* to) {
  const std::int64_t panels = (s.c + kPanel - 1) / kPanel;
  parallel_for(kernels.products() * panels, s.k * kPanel, [&](std::int64_t i) {
    const std::int64_t p = i / panels, c = i % panels * kPanel, width = std::min(kPanel, s.c - c);
    const TiledColumns result(s.k, width);
    const float* from = u + p * s.c * s.k;
    float* panel = to + (p * s.c + c) * s.k;
    for_each_panel(0, s.k, [&](std::int64_t k, std::int64_t columns) {
      const TiledColumns tiles(s.c, columns);
      for (std::int64_t i = 0; i < columns; i += tiles.width) {
        for (std::int64_t j = 0; j < width; j += result.width) {
          transpose_blocks(result.width, tiles.width,
                           from + k * s.c + tiles.at(i) + (c + j) * tiles.width, tiles.width,
                           panel + result.at(j) + (k + i) * result.width, result.width);
        }
      }
    });
  });
}

/// The products of transformed tiles [tiles, depth] with a packed weight of `columns` columns.
struct TileProducts {
  std::int64_t count, tiles, depth, columns;
};

/// to[p] = from[p] times the share's columns of u[p], for every product p; `from_stride` and
/// `to_stride` lie between products.
void multiply(const TileProducts& products, const float* from, std::int64_t from_stride,
              const float* u, const Share& share, float* to, std::int64_t to_stride) {
  const std::int64_t depth = products.depth;
  for (std::int64_t p = 0; p < products.count; ++p) {
    for_each_panel(share.begin, share.end, [&](std::int64_t column, std::int64_t columns) {
      const TiledColumns panel(depth, columns);
      const GemmTerm term{from + p * from_stride, u + (p * products.columns + column) * depth};
      panel_gemm(
          {products.tiles, columns, depth, depth, 1, panel.width, panel.tile(), share.channels()},
          {&term, 1}, false, to + p * to_stride + (column - share.begin));
    });
  }
}

}  // namespace

bool WinogradConvolutions::pays(const Conv2dShape& s) {
  if (s.kh != 3 || s.kw != 3 || s.stride != 1 || s.pad != 1) return false;
  if (s.n == 0 || s.c % kUnit != 0 || s.k % kUnit != 0) return false;
  const TileKernels& kernels = tile_kernels_for(s.h, s.w);
  const std::int64_t out = kernels.out;
  const std::int64_t tiles = s.n * ((s.h + out - 1) / out) * ((s.w + out - 1) / out);
  const std::int64_t live = (3 * s.h - 2) * (3 * s.w - 2);  // taps that meet data, per image
  // Per pair of channels, in multiplications: a weight beyond the caches costs as much as a hundred
  // for each of its floats. Forty would be as fast on layer4 at 84 pixels in batches of 64, with
  // 17 MB more packed per convolution.
  constexpr std::int64_t kCached = 4 << 20;
  const std::int64_t fetch = kernels.products() * s.c * s.k > kCached ? 100 : 0;
  return kernels.products() * (tiles + fetch) <= live * s.n + 9 * fetch;
}

std::int64_t WinogradConvolutions::multiplications(const Conv2dShape& s) {
  const TileKernels& kernels = tile_kernels_for(s.h, s.w);
  const std::int64_t out = kernels.out;
  const std::int64_t tiles = s.n * ((s.h + out - 1) / out) * ((s.w + out - 1) / out);
  return kernels.products() * tiles * s.c * s.k;
}

const float* WinogradConvolutions::packed(const Conv2dShape& s, const TileKernels& kernels,
                                          WeightView weight) {
  return packed_.get(weight, {&kernels, s.c, s.k}, kernels.products() * s.c * s.k,
                     [&](float* to) { pack(s, kernels, weight.data, to); });
}

void WinogradConvolutions::forward(const Conv2dShape& s, const float* x, WeightView weight,
                                   const float* bias, const float* residual, bool relu, float* y) {
  const Plan plan(s, tile_kernels_for(s.h, s.w), Pass::kForward);
  const TileKernels& kernels = plan.kernels;
  const std::int64_t products = kernels.products();
  const std::int64_t v_stride = plan.stride(s.c);
  const std::int64_t per_worker = products * (v_stride + plan.stride(plan.widest()));
  const TrackedBuffer scratch = workspace(backend_, plan.workers * per_worker);
  const float* u = packed(s, kernels, weight);
  if (backend_.dry_run()) return;
  plan.run([&](std::int64_t worker, const Share& share) {
    float* v = scratch.floats() + worker * per_worker;
    float* product = v + products * v_stride;
    const std::int64_t width = share.channels(), stride = plan.stride(width);
    for (std::int64_t b = share.first_block; b < plan.blocks; b += share.block_step) {
      const std::int64_t tiles = plan.for_each_tile(b, s.c, [&](auto tile, auto at, auto window) {
        kernels.input(window, s.c, x + at, v + tile * s.c, {v_stride});
      });
      multiply({products, tiles, s.c, s.k}, v, v_stride, u, share, product, stride);
      plan.for_each_tile(b, s.k, [&](auto tile, auto at, auto window) {
        const std::int64_t from = at + share.begin;
        const ConvEpilogue epilogue{bias == nullptr ? nullptr : bias + share.begin,
                                    residual == nullptr ? nullptr : residual + from, relu};
        kernels.output(window, width, product + tile * width, stride, epilogue, y + from);
      });
    }
  });
}

void WinogradConvolutions::backward_data(const Conv2dShape& s, const float* dy, WeightView weight,
                                         GradOut dx) {
  const Plan plan(s, tile_kernels_for(s.h, s.w), Pass::kData);
  const TileKernels& kernels = plan.kernels;
  const std::int64_t products = kernels.products(), d_stride = plan.stride(s.k);
  const std::int64_t per_worker = products * (d_stride + plan.stride(plan.widest()));
  const TrackedBuffer scratch =
      workspace(backend_, plan.weight_floats() + plan.workers * per_worker);
  const float* u = packed(s, kernels, weight);
  if (backend_.dry_run()) return;
  float* transposed = scratch.floats();
  transpose_weight(s, kernels, u, transposed);
  plan.run([&](std::int64_t worker, const Share& share) {
    float* d = transposed + plan.weight_floats() + worker * per_worker;
    const std::int64_t width = share.channels(), stride = plan.stride(width);
    float* product = d + products * d_stride;
    for (std::int64_t b = share.first_block; b < plan.blocks; b += share.block_step) {
      const std::int64_t tiles = plan.for_each_tile(b, s.k, [&](auto tile, auto at, auto window) {
        kernels.output_adjoint(window, s.k, dy + at, d + tile * s.k, {d_stride});
      });
      multiply({products, tiles, s.k, s.c}, d, d_stride, transposed, share, product, stride);
      plan.for_each_tile(b, s.c, [&](auto tile, auto at, auto window) {
        float* map = dx.data + at + share.begin;
        if (dx.mode == GradMode::kOverwrite && window.y == 0 && window.x == 0) {
          for (std::int64_t i = 0; i < s.h * s.w; ++i) std::fill_n(map + i * s.c, width, 0.0f);
        }
        kernels.input_adjoint(window, width, product + tile * width, stride, map);
      });
    }
  });
}

void WinogradConvolutions::backward_weight(const Conv2dShape& s, const float* x, const float* dy,
                                           GradOut dweight) {
  const Plan plan(s, tile_kernels_for(s.h, s.w), Pass::kWeight);
  const TileKernels& kernels = plan.kernels;
  const std::int64_t products = kernels.products(), capacity = plan.tiles_per_block();
  // The gradient of U: where workers share out panels, a piece that goes into the weight's gradient
  // at once; where they share out images, one for each worker, added up in their order at the end.
  const std::int64_t piece = std::min(kPanel, s.c);
  const std::int64_t du_floats = plan.by_panels ? products * piece * kPanel : plan.weight_floats();
  const std::int64_t v_stride = plan.stride(s.c);
  const std::int64_t operands = products * (v_stride + plan.stride(plan.widest()));
  // Both operands are read down their columns, in strips of channels so that lines are used whole:
  // of V as wide as whole tiles of rows allow, of D as a tile of columns.
  const std::int64_t v_width = s.c % kPanel == 0 ? kPanel : kUnit;
  const auto d_layout = [&](std::int64_t product, std::int64_t width) {
    return kTile > kUnit ? ProductLayout{product, width, width}
                         : ProductLayout{product, kTile, capacity * kTile};
  };
  const TrackedBuffer scratch = workspace(backend_, plan.workers * (operands + du_floats));
  if (backend_.dry_run()) return;
  const auto du_of = [&](std::int64_t worker) {
    return scratch.floats() + plan.workers * operands + worker * du_floats;
  };
  plan.run([&](std::int64_t worker, const Share& share) {
    float* v = scratch.floats() + worker * operands;
    float* d = v + products * v_stride;
    float* du = du_of(worker);
    const std::int64_t width = share.channels(), d_stride = plan.stride(width);
    const ProductLayout v_at{v_stride, v_width, capacity * v_width};
    const ProductLayout d_at = d_layout(d_stride, width);
    for (std::int64_t b = share.first_block; b < plan.blocks; b += share.block_step) {
      plan.for_each_tile(b, s.c, [&](auto tile, auto at, auto window) {
        kernels.input(window, s.c, x + at, v + tile * v_width, v_at);
      });
      const std::int64_t tiles = plan.for_each_tile(b, s.k, [&](auto tile, auto at, auto window) {
        kernels.output_adjoint(window, width, dy + at + share.begin, d + tile * d_at.width, d_at);
      });
      const auto multiply = [&](std::int64_t p, std::int64_t c, std::int64_t rows, std::int64_t k,
                                std::int64_t columns, bool accumulate, float* to) {
        const std::int64_t at = k - share.begin;
        const float* b = d + p * d_stride + at / d_at.width * d_at.strip + at % d_at.width;
        const std::int64_t b_tile = kTile > kUnit ? kTile : d_at.strip;
        for (std::int64_t i = 0; i < rows; i += v_width, to += v_width * columns) {
          const GemmTerm term{v + p * v_stride + (c + i) / v_width * v_at.strip, b};
          panel_gemm({v_width, columns, tiles, 1, v_width, d_at.width, b_tile, columns}, {&term, 1},
                     accumulate, to);
        }
      };
      const bool add = b > 0 || dweight.mode == GradMode::kAccumulate;
      for_each_panel(share.begin, share.end, [&](std::int64_t k, std::int64_t columns) {
        if (!plan.by_panels) {
          for (std::int64_t p = 0; p < products; ++p) {
            multiply(p, 0, s.c, k, columns, b != share.first_block, du + (p * s.k + k) * s.c);
          }
          return;
        }
        for_each_panel(0, s.c, [&](std::int64_t c, std::int64_t rows) {
          const std::int64_t stride = rows * columns;
          for (std::int64_t p = 0; p < products; ++p) {
            multiply(p, c, rows, k, columns, false, du + p * stride);
          }
          for (std::int64_t i = 0; i < columns; i += kLanes) {
            kernels.weight_adjoint(s.c, rows, du + i, columns, stride, add,
                                   dweight.data + (k + i) * 9 * s.c + c);
          }
        });
      });
    }
  });
  if (plan.by_panels) return;
  parallel_for(s.k / kLanes, plan.workers * products * s.c * kLanes, [&](std::int64_t strip) {
    const std::int64_t k = strip * kLanes, panel = k / kPanel * kPanel;
    for (std::int64_t worker = 0; worker < plan.workers; ++worker) {
      kernels.weight_adjoint(s.c, s.c, du_of(worker) + panel * s.c + (k - panel),
                             std::min(kPanel, s.k - panel), s.c * s.k,
                             worker > 0 || dweight.mode == GradMode::kAccumulate,
                             dweight.data + k * 9 * s.c);
    }
  });
}

}  // namespace frost
