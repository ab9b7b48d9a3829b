#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/families/policy.h"
#include "kernels/gradient.h"
#include "kernels/host_device.h"

// The formulas of distributions over actions and of PPO's losses, written once for host and device.
namespace frost {

/// A softmax over the allowed ones of `choices` logits: log p(a) = (l_a - top) - tail.
///
/// tail = log(1 + sum of the others' exp(l - top)) never overflows and keeps its digits where one
/// choice dominates. `mask` holds 1 where a choice is allowed; null allows all.
struct Categorical {
  const float* logits;
  const std::uint8_t* mask;
  int choices;
  float top, tail;

  FROST_HOST_DEVICE Categorical(const float* row, const std::uint8_t* allowed_row, int count)
      : logits(row), mask(allowed_row), choices(count), top(-INFINITY) {
    int best = 0;
    for (int a = 0; a < choices; ++a) {
      if (allowed(a) && logits[a] > top) top = logits[best = a];
    }
    float rest = 0;
    for (int a = 0; a < choices; ++a) {
      if (allowed(a) && a != best) rest += expf(logits[a] - top);
    }
    tail = log1pf(rest);
  }

  FROST_HOST_DEVICE bool allowed(int a) const { return mask == nullptr || mask[a] != 0; }
  /// Exactly -inf for a forbidden choice.
  FROST_HOST_DEVICE float logp(int a) const {
    return allowed(a) ? logits[a] - top - tail : -INFINITY;
  }
  FROST_HOST_DEVICE float entropy() const {
    float sum = 0;
    for (int a = 0; a < choices; ++a) {
      if (allowed(a)) sum -= expf(logp(a)) * logp(a);
    }
    return sum;
  }
  /// d (dlogp log p(action) + dentropy H) / d logit a, with H = entropy(); 0 where forbidden.
  FROST_HOST_DEVICE float derivative(int a, int action, float dlogp, float dentropy,
                                     float h) const {
    if (!allowed(a)) return 0.0f;
    const float p = expf(logp(a));
    return dlogp * (static_cast<float>(action == a) - p) - dentropy * p * (logp(a) + h);
  }
};

/// The deviation of a normal: exp(log_deviation) clamped to [1e-3, 2], everywhere by this one rule.
constexpr float kLogMinDeviation = -6.9077553f, kLogMaxDeviation = 0.69314718f;

/// NaN stays NaN: fminf and fmaxf would hide it.
FROST_HOST_DEVICE inline float clamped_log_deviation(float log_deviation) {
  if (log_deviation < kLogMinDeviation) return kLogMinDeviation;
  return log_deviation > kLogMaxDeviation ? kLogMaxDeviation : log_deviation;
}

FROST_HOST_DEVICE inline float gaussian_deviation(float log_deviation) {
  return expf(clamped_log_deviation(log_deviation));
}

/// One dimension of a normal at u: log density, entropy, and their derivatives. Where the clamp of
/// the deviation acts, its derivatives are zero.
struct GaussianTerm {
  float logp, entropy, dlogp_dmean, dlogp_dlog, dentropy_dlog;
};

FROST_HOST_DEVICE inline GaussianTerm gaussian_term(float mean, float log_deviation, float u) {
  constexpr float kHalfLog2Pi = 0.91893853f;
  const bool inside = log_deviation > kLogMinDeviation && log_deviation < kLogMaxDeviation;
  const float log_sigma = clamped_log_deviation(log_deviation);
  const float inverse = expf(-log_sigma), z = (u - mean) * inverse;
  return {-0.5f * z * z - log_sigma - kHalfLog2Pi, 0.5f + kHalfLog2Pi + log_sigma, z * inverse,
          inside ? z * z - 1.0f : 0.0f, inside ? 1.0f : 0.0f};
}

/// Row i of logits [n, choices] under mask [n, choices]; a null mask allows all.
FROST_HOST_DEVICE inline Categorical categorical_row(std::int64_t i, int choices,
                                                     const float* logits,
                                                     const std::uint8_t* mask) {
  return {logits + i * choices, mask == nullptr ? nullptr : mask + i * choices, choices};
}

/// out[i] = (log p(action), entropy).
FROST_HOST_DEVICE inline void evaluate_categorical_row(std::int64_t i, const Categorical& row,
                                                       const std::int32_t* action, float* out) {
  out[2 * i] = row.logp(action[i]);
  out[2 * i + 1] = row.entropy();
}

FROST_HOST_DEVICE inline void categorical_row_gradient(std::int64_t i, const Categorical& row,
                                                       const std::int32_t* action,
                                                       const float* dout, GradOut dlogits) {
  const float h = row.entropy();
  for (int a = 0; a < row.choices; ++a) {
    store(row.derivative(a, action[i], dout[2 * i], dout[2 * i + 1], h), dlogits.mode,
          dlogits.data[i * row.choices + a]);
  }
}

/// Row i of a diagonal normal: params [n, 2*dims] = (mean | log deviation), u [n, dims];
/// out[i] = (log density, entropy).
FROST_HOST_DEVICE inline void evaluate_gaussian_row(std::int64_t i, std::int64_t dims,
                                                    const float* params, const float* u,
                                                    float* out) {
  const float* row = params + 2 * i * dims;
  float logp = 0, entropy = 0;
  for (std::int64_t d = 0; d < dims; ++d) {
    const GaussianTerm term = gaussian_term(row[d], row[dims + d], u[i * dims + d]);
    logp += term.logp;
    entropy += term.entropy;
  }
  out[2 * i] = logp;
  out[2 * i + 1] = entropy;
}

/// The gradients of dimension d of row i.
FROST_HOST_DEVICE inline void gaussian_gradient(std::int64_t i, std::int64_t d, std::int64_t dims,
                                                const float* params, const float* u,
                                                const float* dout, GradOut dparams) {
  const std::int64_t mean = 2 * i * dims + d, deviation = mean + dims;
  const GaussianTerm term = gaussian_term(params[mean], params[deviation], u[i * dims + d]);
  store(dout[2 * i] * term.dlogp_dmean, dparams.mode, dparams.data[mean]);
  store(dout[2 * i] * term.dlogp_dlog + dout[2 * i + 1] * term.dentropy_dlog, dparams.mode,
        dparams.data[deviation]);
}

/// One clipped-surrogate term: loss, its derivative by log pi_new, and whether the clip acts.
struct SurrogateTerm {
  float loss, derivative;
  bool clipped;
};

FROST_HOST_DEVICE inline SurrogateTerm surrogate_term(float log_ratio, float advantage,
                                                      float epsilon) {
  const float ratio = expf(log_ratio);
  const float bounded = fminf(fmaxf(ratio, 1.0f - epsilon), 1.0f + epsilon);
  const bool clip_wins = bounded * advantage < ratio * advantage;
  return {clip_wins ? -bounded * advantage : -ratio * advantage,
          clip_wins ? 0.0f : -ratio * advantage, fabsf(ratio - 1.0f) > epsilon};
}

/// Schulman's low-variance KL estimator k3 = exp(d) - 1 - d, d = log pi_new - log pi_old.
FROST_HOST_DEVICE inline float kl_k3(float log_ratio) {
  return expm1f(log_ratio) - log_ratio;
}

struct ValueLossTerm {
  float loss, derivative;
};

FROST_HOST_DEVICE inline ValueLossTerm value_loss_term(ValueLossKind kind, float range, float value,
                                                       float old_value, float target) {
  const float plain = value - target;
  const ValueLossTerm squared{plain * plain, 2.0f * plain};
  if (kind == ValueLossKind::kClipped) {
    const float step = value - old_value;
    const float bounded = old_value + fminf(fmaxf(step, -range), range) - target;
    if (!(bounded * bounded > squared.loss)) return squared;  // a value of NaN too
    const bool inside = step > -range && step < range;
    return {bounded * bounded, inside ? 2.0f * bounded : 0.0f};
  }
  if (kind == ValueLossKind::kHuber && fabsf(plain) > range) {
    return {range * (2.0f * fabsf(plain) - range), copysignf(2.0f * range, plain)};
  }
  return squared;
}

/// Means over the decisions of one state; all zeros for a state without decisions.
struct SurrogateState {
  double loss = 0, entropy = 0, kl = 0, clipped = 0;
};

FROST_HOST_DEVICE inline SurrogateState surrogate_state(const SurrogateBatch& b,
                                                        const float* evaluation, std::int64_t s) {
  const std::int64_t begin = b.offsets[s], end = b.offsets[s + 1];
  const auto decisions = static_cast<double>(end - begin);
  SurrogateState t;
  if (begin == end) return t;
  double log_ratio_sum = 0;
  for (std::int64_t i = begin; i < end; ++i) {
    const float log_ratio = evaluation[2 * i] - b.old_logp[i];
    log_ratio_sum += log_ratio;
    t.entropy += evaluation[2 * i + 1] / decisions;
    t.kl += kl_k3(log_ratio) / decisions;
    if (b.ratio == SurrogateRatio::kPerNode) {
      const SurrogateTerm term = surrogate_term(log_ratio, b.advantage[s], b.clip_epsilon);
      t.loss += term.loss / decisions;
      t.clipped += term.clipped / decisions;
    }
  }
  if (b.ratio != SurrogateRatio::kPerNode) {
    const double log_ratio =
        b.ratio == SurrogateRatio::kMeanLogp ? log_ratio_sum / decisions : log_ratio_sum;
    const SurrogateTerm term =
        surrogate_term(static_cast<float>(log_ratio), b.advantage[s], b.clip_epsilon);
    t.loss = term.loss;
    t.clipped = term.clipped;
  }
  return t;
}

/// Writes the gradients of the decisions of state `s`; dout[2]: of the surrogate loss and the
/// entropy.
FROST_HOST_DEVICE inline void surrogate_state_gradient(const SurrogateBatch& b,
                                                       const float* evaluation, const float* dout,
                                                       std::int64_t s, GradOut devaluation) {
  const std::int64_t begin = b.offsets[s], end = b.offsets[s + 1];
  const float share = 1.0f / static_cast<float>(b.states);
  const float per_decision = share / static_cast<float>(end - begin);
  const bool per_node = b.ratio == SurrogateRatio::kPerNode;
  float log_ratio = 0;
  if (!per_node) {
    for (std::int64_t i = begin; i < end; ++i) log_ratio += evaluation[2 * i] - b.old_logp[i];
    if (b.ratio == SurrogateRatio::kMeanLogp) log_ratio /= static_cast<float>(end - begin);
  }
  const float weight = b.ratio == SurrogateRatio::kJoint ? share : per_decision;
  for (std::int64_t i = begin; i < end; ++i) {
    if (per_node) log_ratio = evaluation[2 * i] - b.old_logp[i];
    const SurrogateTerm term = surrogate_term(log_ratio, b.advantage[s], b.clip_epsilon);
    store(dout[0] * weight * term.derivative, devaluation.mode, devaluation.data[2 * i]);
    store(dout[1] * per_decision, devaluation.mode, devaluation.data[2 * i + 1]);
  }
}

/// Writes the gradients of row `i`, which is no state's decision.
FROST_HOST_DEVICE inline void clear_padding_gradient(std::int64_t i, GradOut devaluation) {
  store(0.0f, devaluation.mode, devaluation.data[2 * i]);
  store(0.0f, devaluation.mode, devaluation.data[2 * i + 1]);
}

}  // namespace frost
