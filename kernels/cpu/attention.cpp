#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/families.h"
#include "kernels/parallel_for.h"

namespace frost {
namespace {

/// <q, k + e>
float dot_shifted(std::int64_t n, const float* q, const float* k, const float* e) {
  float sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += q[i] * (k[i] + e[i]);
  return sum;
}

constexpr float kSoftmaxGuard = 1e-16f;

class CpuAttention final : public AttentionKernels {
 public:
  void graph_attention_forward(const EdgeView& graph, std::int64_t heads, std::int64_t width,
                               const float* q, const float* k, const float* v, const float* edge,
                               float* weights, float* out) override {
    const std::int64_t dim = heads * width;
    const float scale = 1.0f / std::sqrt(static_cast<float>(width));
    parallel_for(graph.rows, 8 * dim, [&](std::int64_t i) {
      const std::int64_t begin = graph.target_offsets[i], end = graph.target_offsets[i + 1];
      std::fill(out + i * dim, out + (i + 1) * dim, 0.0f);
      for (std::int64_t h = 0; h < heads; ++h) {
        const std::int64_t at = h * width;
        float top = -INFINITY;
        for (std::int64_t e = begin; e < end; ++e) {
          float& a = weights[e * heads + h];
          a = scale * dot_shifted(width, q + i * dim + at, k + graph.source[e] * dim + at,
                                  edge + e * dim + at);
          top = std::max(top, a);
        }
        float sum = kSoftmaxGuard;
        for (std::int64_t e = begin; e < end; ++e) {
          float& a = weights[e * heads + h];
          a = std::exp(a - top);
          sum += a;
        }
        float* message = out + i * dim + at;
        for (std::int64_t e = begin; e < end; ++e) {
          const float w = weights[e * heads + h] /= sum;
          const float *value = v + graph.source[e] * dim + at, *shift = edge + e * dim + at;
          for (std::int64_t c = 0; c < width; ++c) message[c] += w * (value[c] + shift[c]);
        }
      }
    });
  }

  void graph_attention_backward(const EdgeView& graph, std::int64_t heads, std::int64_t width,
                                const float* q, const float* k, const float* v, const float* edge,
                                const float* weights, const float* dout, GradOut dq, GradOut dk,
                                GradOut dv, GradOut dedge) override {
    const std::int64_t dim = heads * width;
    const float scale = 1.0f / std::sqrt(static_cast<float>(width));
    // d loss / d (scaled score), per edge and head; every later sum reads it.
    std::vector<float> dscore(static_cast<std::size_t>(graph.edges * heads));
    parallel_for(graph.rows, 16 * dim, [&](std::int64_t i) {
      const std::int64_t begin = graph.target_offsets[i], end = graph.target_offsets[i + 1];
      for (std::int64_t h = 0; h < heads; ++h) {
        const std::int64_t at = h * width;
        const auto slot = [&](std::int64_t e) { return static_cast<std::size_t>(e * heads + h); };
        float mean = 0;
        for (std::int64_t e = begin; e < end; ++e) {
          dscore[slot(e)] = dot_shifted(width, dout + i * dim + at, v + graph.source[e] * dim + at,
                                        edge + e * dim + at);
          mean += weights[slot(e)] * dscore[slot(e)];
        }
        for (std::int64_t e = begin; e < end; ++e) {
          dscore[slot(e)] = scale * weights[slot(e)] * (dscore[slot(e)] - mean);
        }
      }
      if (!dq) return;
      float* row = dq.data + i * dim;
      if (dq.mode == GradMode::kOverwrite) std::fill(row, row + dim, 0.0f);
      for (std::int64_t e = begin; e < end; ++e) {
        for (std::int64_t j = 0; j < dim; ++j) {
          row[j] += dscore[static_cast<std::size_t>(e * heads + j / width)] *
                    (k[graph.source[e] * dim + j] + edge[e * dim + j]);
        }
      }
    });
    if (dedge) {
      parallel_for(graph.edges, 4 * dim, [&](std::int64_t e) {
        const std::int64_t i = graph.target[e];
        for (std::int64_t j = 0; j < dim; ++j) {
          const auto slot = static_cast<std::size_t>(e * heads + j / width);
          store(dscore[slot] * q[i * dim + j] + weights[slot] * dout[i * dim + j], dedge.mode,
                dedge.data[e * dim + j]);
        }
      });
    }
    const auto by_source = [&](GradOut grad, const float* per_edge, const float* per_target) {
      parallel_for(graph.rows, 8 * dim, [&](std::int64_t r) {
        float* row = grad.data + r * dim;
        if (grad.mode == GradMode::kOverwrite) std::fill(row, row + dim, 0.0f);
        for (std::int64_t p = graph.source_offsets[r]; p < graph.source_offsets[r + 1]; ++p) {
          const std::int64_t e = graph.edge_of_source[p], i = graph.target[e];
          for (std::int64_t j = 0; j < dim; ++j) {
            row[j] += per_edge[e * heads + j / width] * per_target[i * dim + j];
          }
        }
      });
    };
    if (dk) by_source(dk, dscore.data(), q);
    if (dv) by_source(dv, weights, dout);
  }
};

}  // namespace

std::unique_ptr<AttentionKernels> make_attention(CpuBackend&) {
  return std::make_unique<CpuAttention>();
}

}  // namespace frost
