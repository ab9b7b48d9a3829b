#pragma once

#include <cstdint>
#include <vector>

#include "kernels/backend.h"
#include "tests/op_table/op_cases.h"

// Each op as plain float64 loops over row-major data, written from its definition alone.
namespace frost::reference {

Reals linear(const Reals& x, const Reals& w, const Reals* bias, std::size_t n, std::size_t out);
Reals gelu(const Reals& x);
Reals layer_norm(const Reals& x, const Reals& gamma, const Reals& beta);
Reals softmax_runs(const Reals& x, std::size_t run, double temperature);

/// Mean of -log softmax(row)[label].
Reals cross_entropy(const Reals& logits, const std::vector<std::int32_t>& labels);
Reals mse(const Reals& x, const Reals& target);

/// Convolution with explicit padding, x NHWC, weight OHWI; a one-channel x is copied to c channels.
Reals conv2d(const Conv2dShape& s, const Reals& x, std::int64_t x_channels, const Reals& weight);
/// gamma (z - mean) / sqrt(var + 1e-5) + beta over the last dimension, unfolded.
Reals batch_norm(const Reals& z, const Reals& gamma, const Reals& beta, const Reals& mean,
                 const Reals& var);
Reals max_pool(const Pool2dShape& s, const Reals& x);
Reals global_avg_pool(const Reals& x, std::size_t n, std::size_t pixels, std::size_t c);

/// `edge` rows follow the order in which the edges were given.
Reals graph_attention(const Edges& edges, std::size_t heads, std::size_t width, const Reals& q,
                      const Reals& k, const Reals& v, const Reals& edge);

Reals categorical(const Reals& logits, const std::vector<std::uint8_t>& mask,
                  const std::vector<std::int32_t>& action);
/// The deviation is exp(log deviation) clamped to [1e-3, 2].
Reals gaussian(const Reals& params, const Reals& u, std::size_t dims);
/// A state without cells adds nothing.
Reals ppo_surrogate(const Reals& evaluation, const std::vector<std::int32_t>& offsets,
                    const Reals& old_logp, const Reals& advantage, double epsilon,
                    SurrogateRatio ratio);
Reals value_loss(const Reals& values, const Reals& old_values, const Reals& returns,
                 const Reals& weights, ValueLossKind kind, double range);

}  // namespace frost::reference
