#include <cmath>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/families.h"
#include "kernels/cuda/runtime/launch.cuh"
#include "kernels/policy_math.h"

namespace frost::cuda {
namespace {

/// Logits, mask and actions of `n` choices.
Traffic choices_read(std::int64_t n, int choices, const std::uint8_t* mask) {
  return reads(n * choices) + reads<std::uint8_t>(mask != nullptr ? n * choices : 0) +
         reads<std::int32_t>(n);
}

/// What the surrogate is made of: evaluations, offsets, old log-probabilities, advantages.
Traffic surrogate_read(const SurrogateBatch& b) {
  return reads(3 * b.rows + b.states) + reads<std::int32_t>(b.states + 1);
}

class CudaPolicy final : public PolicyKernels {
 public:
  explicit CudaPolicy(CudaBackend& backend) : stream_(backend.stream()) {}

  void categorical_forward(std::int64_t n, int choices, const float* logits,
                           const std::uint8_t* mask, const std::int32_t* action,
                           float* out) override {
    const Traffic traffic = choices_read(n, choices, mask) + writes(2 * n);
    for_each(stream_, n, traffic, [=] __device__(std::int64_t i) {
      evaluate_categorical_row(i, categorical_row(i, choices, logits, mask), action, out);
    });
  }

  void categorical_backward(std::int64_t n, int choices, const float* logits,
                            const std::uint8_t* mask, const std::int32_t* action, const float* dout,
                            GradOut dlogits) override {
    const Traffic traffic =
        choices_read(n, choices, mask) + reads(2 * n) + stores(n * choices, dlogits);
    for_each(stream_, n, traffic, [=] __device__(std::int64_t i) {
      categorical_row_gradient(i, categorical_row(i, choices, logits, mask), action, dout, dlogits);
    });
  }

  void gaussian_forward(std::int64_t n, std::int64_t dims, const float* params, const float* u,
                        float* out) override {
    for_each(stream_, n, reads(3 * n * dims) + writes(2 * n),
             [=] __device__(std::int64_t i) { evaluate_gaussian_row(i, dims, params, u, out); });
  }

  void gaussian_backward(std::int64_t n, std::int64_t dims, const float* params, const float* u,
                         const float* dout, GradOut dparams) override {
    const Traffic traffic = reads(3 * n * dims + 2 * n) + stores(2 * n * dims, dparams);
    for_each(stream_, n * dims, traffic, [=] __device__(std::int64_t at) {
      gaussian_gradient(at / dims, at % dims, dims, params, u, dout, dparams);
    });
  }

  void ppo_surrogate_forward(const SurrogateBatch& batch, const float* evaluation,
                             float* out) override {
    // One block: a minibatch has some hundred states of some ten decisions.
    for_each_block(stream_, 1, surrogate_read(batch) + writes(4),
                   [=] __device__(std::int64_t, int thread) {
                     SurrogateState sum;
                     for (std::int64_t s = thread; s < batch.states; s += kBlockSize) {
                       const SurrogateState t = surrogate_state(batch, evaluation, s);
                       sum.loss += t.loss;
                       sum.entropy += t.entropy;
                       sum.kl += t.kl;
                       sum.clipped += t.clipped;
                     }
                     const auto n = static_cast<double>(batch.states);
                     const double totals[4] = {block_sum(sum.loss), block_sum(sum.entropy),
                                               block_sum(sum.kl), block_sum(sum.clipped)};
                     if (thread != 0) return;
                     for (int i = 0; i < 4; ++i) out[i] = static_cast<float>(totals[i] / n);
                   });
  }

  void ppo_surrogate_backward(const SurrogateBatch& batch, const float* evaluation,
                              const float* dout, GradOut devaluation) override {
    const std::int64_t threads = batch.rows > batch.states ? batch.rows : batch.states;
    const Traffic traffic = surrogate_read(batch) + reads(2) + stores(2 * batch.rows, devaluation);
    for_each(stream_, threads, traffic, [=] __device__(std::int64_t i) {
      if (i < batch.states) surrogate_state_gradient(batch, evaluation, dout, i, devaluation);
      if (i < batch.rows && i >= batch.offsets[batch.states])
        clear_padding_gradient(i, devaluation);
    });
  }

  void value_loss_forward(const ValueLossBatch& b, const float* values, float* out) override {
    const Traffic traffic =
        reads(3 * b.states * b.components + b.components) + writes(1 + b.components);
    for_each_block(stream_, 1, traffic, [=] __device__(std::int64_t, int thread) {
      double total = 0;
      for (std::int64_t c = 0; c < b.components; ++c) {
        double sum = 0;
        for (std::int64_t s = thread; s < b.states; s += kBlockSize) {
          const std::int64_t i = s * b.components + c;
          sum += value_loss_term(b.kind, b.range, values[i], b.old_values[i], b.returns[i]).loss;
        }
        const double mean = block_sum(sum) / static_cast<double>(b.states);
        if (thread == 0) out[1 + c] = static_cast<float>(mean);
        total += b.weights[c] * mean;
      }
      if (thread == 0) out[0] = static_cast<float>(total);
    });
  }

  void value_loss_backward(const ValueLossBatch& b, const float* values, const float* dout,
                           GradOut dvalues) override {
    const std::int64_t n = b.states * b.components;
    for_each(stream_, n, reads(3 * n + b.components + 1) + stores(n, dvalues),
             [=] __device__(std::int64_t i) {
               const float share = *dout / static_cast<float>(b.states);
               const ValueLossTerm term =
                   value_loss_term(b.kind, b.range, values[i], b.old_values[i], b.returns[i]);
               store(share * b.weights[i % b.components] * term.derivative, dvalues.mode,
                     dvalues.data[i]);
             });
  }

 private:
  Stream& stream_;
};

}  // namespace

std::unique_ptr<PolicyKernels> make_policy(CudaBackend& backend) {
  return std::make_unique<CudaPolicy>(backend);
}

}  // namespace frost::cuda
