#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/host_device.h"

// Scalar formulas, each written once for host and device.
namespace frost {

FROST_HOST_DEVICE inline float gelu(float x) {
  return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
}

FROST_HOST_DEVICE inline float gelu_derivative(float x) {
  const float cdf = 0.5f * (1.0f + erff(x * 0.70710678118654752f));
  return cdf + x * 0.39894228040143268f * expf(-0.5f * x * x);
}

/// From y = tanh(x).
FROST_HOST_DEVICE inline float tanh_derivative(float y) {
  return 1.0f - y * y;
}

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

FROST_HOST_DEVICE inline float gaussian_deviation(float log_deviation) {
  return expf(fminf(fmaxf(log_deviation, kLogMinDeviation), kLogMaxDeviation));
}

/// One dimension of a normal at u: log density, entropy, and their derivatives. Where the clamp of
/// the deviation acts, its derivatives are zero.
struct GaussianTerm {
  float logp, entropy, dlogp_dmean, dlogp_dlog, dentropy_dlog;
};

FROST_HOST_DEVICE inline GaussianTerm gaussian_term(float mean, float log_deviation, float u) {
  constexpr float kHalfLog2Pi = 0.91893853f;
  const bool inside = log_deviation > kLogMinDeviation && log_deviation < kLogMaxDeviation;
  const float log_sigma = fminf(fmaxf(log_deviation, kLogMinDeviation), kLogMaxDeviation);
  const float inverse = expf(-log_sigma), z = (u - mean) * inverse;
  return {-0.5f * z * z - log_sigma - kHalfLog2Pi, 0.5f + kHalfLog2Pi + log_sigma, z * inverse,
          inside ? z * z - 1.0f : 0.0f, inside ? 1.0f : 0.0f};
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

/// How a value V is held against its return R: `squared` (V-R)^2; `clipped`
/// max((V-R)^2, (V_clip-R)^2) with V_clip = V_old + clamp(V - V_old, -range, range); `huber` the
/// square up to |V-R| = range, linear with the same slope beyond (twice Huber's 1964).
enum class ValueLossKind { kSquared, kClipped, kHuber };

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
    if (bounded * bounded <= squared.loss) return squared;
    const bool inside = step > -range && step < range;
    return {bounded * bounded, inside ? 2.0f * bounded : 0.0f};
  }
  if (kind == ValueLossKind::kHuber && fabsf(plain) > range) {
    return {range * (2.0f * fabsf(plain) - range), copysignf(2.0f * range, plain)};
  }
  return squared;
}

/// One Adam step (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019) as an
/// element needs it, with the bias corrections folded in.
struct AdamFactors {
  float keep_first, new_first;    ///< beta1, 1 - beta1
  float keep_second, new_second;  ///< beta2, 1 - beta2
  float step_size;                ///< lr / (1 - beta1^t)
  float inv_sqrt_correction;      ///< 1 / sqrt(1 - beta2^t)
  float epsilon;
  float decay;  ///< lr * weight decay
};

/// Differences from 1 are taken in double: 1 - 0.999f is already wrong by 1.3e-5.
inline AdamFactors adam_factors(double lr, double beta1, double beta2, double epsilon,
                                double weight_decay, double t) {
  return {static_cast<float>(beta1),
          static_cast<float>(1.0 - beta1),
          static_cast<float>(beta2),
          static_cast<float>(1.0 - beta2),
          static_cast<float>(lr / (1.0 - std::pow(beta1, t))),
          static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2, t))),
          static_cast<float>(epsilon),
          static_cast<float>(lr * weight_decay)};
}

/// What scales gradients whose squares add up to `squares` to a norm of at most `max_norm`; not a
/// number where they are not finite.
FROST_HOST_DEVICE inline float clip_coefficient(double squares, double max_norm) {
  const double norm = sqrt(squares);
  if (!(norm < HUGE_VAL)) return NAN;
  return norm <= max_norm ? 1.0f : static_cast<float>(max_norm / (norm + 1e-6));
}

FROST_HOST_DEVICE inline void adam_element(const AdamFactors& f, float g, float& m, float& v,
                                           float& p) {
  m = f.keep_first * m + f.new_first * g;
  v = f.keep_second * v + f.new_second * g * g;
  p -= f.decay * p + f.step_size * m / (sqrtf(v) * f.inv_sqrt_correction + f.epsilon);
}

}  // namespace frost
