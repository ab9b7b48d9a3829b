#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/families.h"
#include "kernels/parallel_for.h"
#include "kernels/policy_math.h"

namespace frost {
namespace {

class CpuPolicy final : public PolicyKernels {
 public:
  void categorical_forward(std::int64_t n, int choices, const float* logits,
                           const std::uint8_t* mask, const std::int32_t* action,
                           float* out) override {
    parallel_for(n, 30 * choices, [&](std::int64_t i) {
      evaluate_categorical_row(i, categorical_row(i, choices, logits, mask), action, out);
    });
  }

  void categorical_backward(std::int64_t n, int choices, const float* logits,
                            const std::uint8_t* mask, const std::int32_t* action, const float* dout,
                            GradOut dlogits) override {
    parallel_for(n, 30 * choices, [&](std::int64_t i) {
      categorical_row_gradient(i, categorical_row(i, choices, logits, mask), action, dout, dlogits);
    });
  }

  void gaussian_forward(std::int64_t n, std::int64_t dims, const float* params, const float* u,
                        float* out) override {
    parallel_for(n, 40 * dims,
                 [&](std::int64_t i) { evaluate_gaussian_row(i, dims, params, u, out); });
  }

  void gaussian_backward(std::int64_t n, std::int64_t dims, const float* params, const float* u,
                         const float* dout, GradOut dparams) override {
    parallel_for(n, 40 * dims, [&](std::int64_t i) {
      for (std::int64_t d = 0; d < dims; ++d) {
        gaussian_gradient(i, d, dims, params, u, dout, dparams);
      }
    });
  }

  void ppo_surrogate_forward(const SurrogateBatch& batch, const float* evaluation,
                             float* out) override {
    SurrogateState sum;
    for (std::int64_t s = 0; s < batch.states; ++s) {
      const SurrogateState t = surrogate_state(batch, evaluation, s);
      sum.loss += t.loss;
      sum.entropy += t.entropy;
      sum.kl += t.kl;
      sum.clipped += t.clipped;
    }
    const auto n = static_cast<double>(batch.states);
    out[0] = static_cast<float>(sum.loss / n);
    out[1] = static_cast<float>(sum.entropy / n);
    out[2] = static_cast<float>(sum.kl / n);
    out[3] = static_cast<float>(sum.clipped / n);
  }

  void ppo_surrogate_backward(const SurrogateBatch& batch, const float* evaluation,
                              const float* dout, GradOut devaluation) override {
    parallel_for(batch.states, 400, [&](std::int64_t s) {
      surrogate_state_gradient(batch, evaluation, dout, s, devaluation);
    });
    for (std::int64_t i = batch.offsets[batch.states]; i < batch.rows; ++i) {
      clear_padding_gradient(i, devaluation);
    }
  }

  void value_loss_forward(const ValueLossBatch& b, const float* values, float* out) override {
    double total = 0;
    for (std::int64_t c = 0; c < b.components; ++c) {
      double sum = 0;
      for (std::int64_t s = 0; s < b.states; ++s) {
        const std::int64_t i = s * b.components + c;
        sum += value_loss_term(b.kind, b.range, values[i], b.old_values[i], b.returns[i]).loss;
      }
      const double mean = sum / static_cast<double>(b.states);
      out[1 + c] = static_cast<float>(mean);
      total += b.weights[c] * mean;
    }
    out[0] = static_cast<float>(total);
  }

  void value_loss_backward(const ValueLossBatch& b, const float* values, const float* dout,
                           GradOut dvalues) override {
    const float share = *dout / static_cast<float>(b.states);
    parallel_for(b.states * b.components, 10, [&](std::int64_t i) {
      const ValueLossTerm term =
          value_loss_term(b.kind, b.range, values[i], b.old_values[i], b.returns[i]);
      store(share * b.weights[i % b.components] * term.derivative, dvalues.mode, dvalues.data[i]);
    });
  }
};

}  // namespace

std::unique_ptr<PolicyKernels> make_policy(CpuBackend&) {
  return std::make_unique<CpuPolicy>();
}

}  // namespace frost
