#include <algorithm>

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
      const Categorical row(logits + i * choices, mask == nullptr ? nullptr : mask + i * choices,
                            choices);
      out[2 * i] = row.logp(action[i]);
      out[2 * i + 1] = row.entropy();
    });
  }

  void categorical_backward(std::int64_t n, int choices, const float* logits,
                            const std::uint8_t* mask, const std::int32_t* action, const float* dout,
                            GradOut dlogits) override {
    parallel_for(n, 30 * choices, [&](std::int64_t i) {
      const Categorical row(logits + i * choices, mask == nullptr ? nullptr : mask + i * choices,
                            choices);
      const float h = row.entropy();
      for (int a = 0; a < choices; ++a) {
        store(row.derivative(a, action[i], dout[2 * i], dout[2 * i + 1], h), dlogits.mode,
              dlogits.data[i * choices + a]);
      }
    });
  }

  void gaussian_forward(std::int64_t n, std::int64_t dims, const float* params, const float* u,
                        float* out) override {
    parallel_for(n, 40 * dims, [&](std::int64_t i) {
      float logp = 0, entropy = 0;
      for (std::int64_t d = 0; d < dims; ++d) {
        const float* row = params + 2 * i * dims;
        const GaussianTerm term = gaussian_term(row[d], row[dims + d], u[i * dims + d]);
        logp += term.logp;
        entropy += term.entropy;
      }
      out[2 * i] = logp;
      out[2 * i + 1] = entropy;
    });
  }

  void gaussian_backward(std::int64_t n, std::int64_t dims, const float* params, const float* u,
                         const float* dout, GradOut dparams) override {
    parallel_for(n, 40 * dims, [&](std::int64_t i) {
      for (std::int64_t d = 0; d < dims; ++d) {
        const std::int64_t mean = 2 * i * dims + d, deviation = mean + dims;
        const GaussianTerm term = gaussian_term(params[mean], params[deviation], u[i * dims + d]);
        store(dout[2 * i] * term.dlogp_dmean, dparams.mode, dparams.data[mean]);
        store(dout[2 * i] * term.dlogp_dlog + dout[2 * i + 1] * term.dentropy_dlog, dparams.mode,
              dparams.data[deviation]);
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
    std::fill(out, out + 1 + b.components, 0.0f);
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
