#pragma once

#include <cmath>

#include "kernels/philox.h"

// Scalar formulas, each written once for host and device.
namespace frost {

FROST_HOST_DEVICE inline float gelu(float x) {
  return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
}

FROST_HOST_DEVICE inline float gelu_derivative(float x) {
  const float cdf = 0.5f * (1.0f + erff(x * 0.70710678118654752f));
  return cdf + x * 0.39894228040143268f * expf(-0.5f * x * x);
}

/// Log-probabilities of two logits under a mask; a forbidden action gets exactly -inf.
struct CategoricalPair {
  float logp[2];
  float entropy;
};

FROST_HOST_DEVICE inline CategoricalPair categorical_pair(float l0, float l1, bool allow0,
                                                          bool allow1) {
  if (!allow0) return {{-INFINITY, 0.0f}, 0.0f};
  if (!allow1) return {{0.0f, -INFINITY}, 0.0f};
  // log(1 + exp(-|d|)) never overflows and keeps its digits where one action dominates.
  const float d = l0 - l1;
  const float tail = log1pf(expf(-fabsf(d)));
  const float logp0 = (d > 0 ? 0.0f : d) - tail, logp1 = (d > 0 ? -d : 0.0f) - tail;
  return {{logp0, logp1}, -(expf(logp0) * logp0 + expf(logp1) * logp1)};
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

/// max((V-R)^2, (V_clip-R)^2) with V_clip = V_old + clamp(V - V_old, -eps, eps); eps <= 0: (V-R)^2.
struct ValueLossTerm {
  float loss, derivative;
};

FROST_HOST_DEVICE inline ValueLossTerm value_loss_term(float value, float old_value, float target,
                                                       float epsilon) {
  const float plain = value - target;
  if (epsilon <= 0.0f) return {plain * plain, 2.0f * plain};
  const float step = value - old_value;
  const float bounded = old_value + fminf(fmaxf(step, -epsilon), epsilon) - target;
  if (bounded * bounded > plain * plain) {
    const bool inside = step > -epsilon && step < epsilon;
    return {bounded * bounded, inside ? 2.0f * bounded : 0.0f};
  }
  return {plain * plain, 2.0f * plain};
}

/// Adam (Kingma & Ba 2015) of one element, with the bias corrections folded into two factors:
/// step_size = lr / (1 - beta1^t), inv_sqrt_correction = 1 / sqrt(1 - beta2^t).
FROST_HOST_DEVICE inline void adam_element(float g, float beta1, float beta2, float step_size,
                                           float inv_sqrt_correction, float epsilon, float& m,
                                           float& v, float& p) {
  m = beta1 * m + (1.0f - beta1) * g;
  v = beta2 * v + (1.0f - beta2) * g * g;
  p -= step_size * m / (sqrtf(v) * inv_sqrt_correction + epsilon);
}

}  // namespace frost
