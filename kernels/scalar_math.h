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

/// Gradients of a greater norm could make a second moment infinite, which no later step mends.
constexpr double kMostGradientNorm = 1.8e19;

/// What scales gradients whose squares add up to `squares` to a norm of at most `max_norm`; not a
/// number where they are not finite, or have a norm above `kMostGradientNorm` when scaled.
FROST_HOST_DEVICE inline float clip_coefficient(double squares, double max_norm) {
  const double norm = sqrt(squares);
  if (!(norm < HUGE_VAL) || !(fmin(norm, max_norm) < kMostGradientNorm)) return NAN;
  return norm <= max_norm ? 1.0f : static_cast<float>(max_norm / (norm + 1e-6));
}

FROST_HOST_DEVICE inline void adam_element(const AdamFactors& f, float g, float& m, float& v,
                                           float& p) {
  m = f.keep_first * m + f.new_first * g;
  v = f.keep_second * v + f.new_second * g * g;
  p -= f.decay * p + f.step_size * m / (sqrtf(v) * f.inv_sqrt_correction + f.epsilon);
}

}  // namespace frost
