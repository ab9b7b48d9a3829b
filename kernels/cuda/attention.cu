#include <cmath>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/runtime/launch.cuh"

namespace frost::cuda {
namespace {

constexpr float kSoftmaxGuard = 1e-16f;

/// <q, k + e> over `n` elements, on every lane of the warp.
__device__ float dot_shifted(std::int64_t n, int lane, const float* q, const float* k,
                             const float* e) {
  float sum = 0;
  for (std::int64_t i = lane; i < n; i += kWarpSize) sum += q[i] * (k[i] + e[i]);
  return warp_sum(sum);
}

/// grad[r, :] (=|+=) sum over the edges that leave r of per_edge[e, head] * per_target[target, :].
void sum_by_source(Stream& stream, const EdgeView& graph, std::int64_t heads, std::int64_t width,
                   GradOut grad, const float* per_edge, const float* per_target) {
  const std::int64_t dim = heads * width;
  const Traffic traffic = reads(graph.edges * heads + graph.rows * dim) +
                          reads<std::int32_t>(graph.rows + 1 + 2 * graph.edges) +
                          stores(graph.rows * dim, grad);
  for_each(stream, graph.rows * dim, traffic, [=] __device__(std::int64_t i) {
    const std::int64_t r = i / dim, j = i % dim;
    float sum = start_of(grad.mode, grad.data + i);
    for (std::int64_t p = graph.source_offsets[r]; p < graph.source_offsets[r + 1]; ++p) {
      const std::int64_t e = graph.edge_of_source[p];
      sum += per_edge[e * heads + j / width] * per_target[graph.target[e] * dim + j];
    }
    grad.data[i] = sum;
  });
}

class CudaAttention final : public AttentionKernels {
 public:
  explicit CudaAttention(CudaBackend& backend) : backend_(backend), stream_(backend.stream()) {}

  void graph_attention_forward(const EdgeView& graph, std::int64_t heads, std::int64_t width,
                               const float* q, const float* k, const float* v, const float* edge,
                               float* weights, float* out) override {
    const std::int64_t dim = heads * width;
    const float scale = 1.0f / std::sqrt(static_cast<float>(width));
    // What is read of q, k, v, edge and the graph, written of weights and out.
    const Traffic traffic = reads(3 * graph.rows * dim + graph.edges * dim) +
                            reads<std::int32_t>(graph.rows + 1 + graph.edges) +
                            writes(graph.edges * heads + graph.rows * dim);
    // One warp per target and head.
    for_each_warp(
        stream_, graph.rows * heads, traffic, [=] __device__(std::int64_t task, int lane) {
          const std::int64_t i = task / heads, h = task % heads, at = h * width;
          const std::int64_t begin = graph.target_offsets[i], end = graph.target_offsets[i + 1];
          float top = -INFINITY;
          for (std::int64_t e = begin; e < end; ++e) {
            const float score =
                scale * dot_shifted(width, lane, q + i * dim + at, k + graph.source[e] * dim + at,
                                    edge + e * dim + at);
            if (lane == 0) weights[e * heads + h] = score;
            top = fmaxf(top, score);
          }
          __syncwarp();
          float sum = 0;
          for (std::int64_t e = begin + lane; e < end; e += kWarpSize) {
            const float a = expf(weights[e * heads + h] - top);
            weights[e * heads + h] = a;
            sum += a;
          }
          sum = warp_sum(sum) + kSoftmaxGuard;
          for (std::int64_t e = begin + lane; e < end; e += kWarpSize) {
            weights[e * heads + h] /= sum;
          }
          __syncwarp();
          for (std::int64_t c = lane; c < width; c += kWarpSize) {
            float message = 0;
            for (std::int64_t e = begin; e < end; ++e) {
              message += weights[e * heads + h] *
                         (v[graph.source[e] * dim + at + c] + edge[e * dim + at + c]);
            }
            out[i * dim + at + c] = message;
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
    const Scratch scratch(backend_, static_cast<std::size_t>(graph.edges * heads) * sizeof(float));
    auto* dscore = scratch.data<float>();
    const Traffic by_target = reads((dq ? 3 : 2) * graph.rows * dim + graph.edges * (dim + heads)) +
                              reads<std::int32_t>(graph.rows + 1 + graph.edges) +
                              writes(graph.edges * heads) + stores(graph.rows * dim, dq);
    for_each_warp(
        stream_, graph.rows * heads, by_target, [=] __device__(std::int64_t task, int lane) {
          const std::int64_t i = task / heads, h = task % heads, at = h * width;
          const std::int64_t begin = graph.target_offsets[i], end = graph.target_offsets[i + 1];
          float mean = 0;
          for (std::int64_t e = begin; e < end; ++e) {
            const float d = dot_shifted(width, lane, dout + i * dim + at,
                                        v + graph.source[e] * dim + at, edge + e * dim + at);
            if (lane == 0) dscore[e * heads + h] = d;
            mean += weights[e * heads + h] * d;
          }
          __syncwarp();
          for (std::int64_t e = begin + lane; e < end; e += kWarpSize) {
            const std::int64_t slot = e * heads + h;
            dscore[slot] = scale * weights[slot] * (dscore[slot] - mean);
          }
          __syncwarp();
          if (dq.mode == GradMode::kIgnore) return;
          for (std::int64_t c = lane; c < width; c += kWarpSize) {
            const std::int64_t j = at + c;
            float sum = start_of(dq.mode, dq.data + i * dim + j);
            for (std::int64_t e = begin; e < end; ++e) {
              sum += dscore[e * heads + h] * (k[graph.source[e] * dim + j] + edge[e * dim + j]);
            }
            dq.data[i * dim + j] = sum;
          }
        });
    if (dedge) {
      const Traffic by_edge = reads(2 * graph.rows * dim + 2 * graph.edges * heads) +
                              reads<std::int32_t>(graph.edges) + stores(graph.edges * dim, dedge);
      for_each(stream_, graph.edges * dim, by_edge, [=] __device__(std::int64_t at) {
        const std::int64_t e = at / dim, j = at % dim, i = graph.target[e];
        const std::int64_t slot = e * heads + j / width;
        store(dscore[slot] * q[i * dim + j] + weights[slot] * dout[i * dim + j], dedge.mode,
              dedge.data[at]);
      });
    }
    if (dk) sum_by_source(stream_, graph, heads, width, dk, dscore, q);
    if (dv) sum_by_source(stream_, graph, heads, width, dv, weights, dout);
  }

 private:
  CudaBackend& backend_;
  Stream& stream_;
};

}  // namespace

std::unique_ptr<AttentionKernels> make_attention(CudaBackend& backend) {
  return std::make_unique<CudaAttention>(backend);
}

}  // namespace frost::cuda
