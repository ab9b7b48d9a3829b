#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/op_table/op_reference.h"

namespace frost::reference {

Reals graph_attention(const Edges& edges, std::size_t heads, std::size_t width, const Reals& q,
                      const Reals& k, const Reals& v, const Reals& edge) {
  const std::size_t dim = heads * width;
  Reals y(q.size());
  for (std::size_t row = 0; row < static_cast<std::size_t>(edges.rows); ++row) {
    for (std::size_t h = 0; h < heads; ++h) {
      const std::size_t head = h * width;
      std::vector<std::size_t> into;
      Reals score;
      for (std::size_t e = 0; e < edges.target.size(); ++e) {
        if (static_cast<std::size_t>(edges.target[e]) != row) continue;
        const std::size_t from = static_cast<std::size_t>(edges.source[e]) * dim + head;
        double dot = 0;
        for (std::size_t c = 0; c < width; ++c) {
          dot += q[row * dim + head + c] * (k[from + c] + edge[e * dim + head + c]);
        }
        into.push_back(e);
        score.push_back(dot / std::sqrt(static_cast<double>(width)));
      }
      if (into.empty()) continue;
      const double top = *std::max_element(score.begin(), score.end());
      double sum = 1e-16;
      for (double& s : score) sum += s = std::exp(s - top);
      for (std::size_t i = 0; i < into.size(); ++i) {
        const std::size_t from = static_cast<std::size_t>(edges.source[into[i]]) * dim + head;
        for (std::size_t c = 0; c < width; ++c) {
          y[row * dim + head + c] +=
              score[i] / sum * (v[from + c] + edge[into[i] * dim + head + c]);
        }
      }
    }
  }
  return y;
}

Reals categorical(const Reals& logits, const std::vector<std::uint8_t>& mask,
                  const std::vector<std::int32_t>& action) {
  Reals y;
  const std::size_t choices = logits.size() / action.size();
  for (std::size_t i = 0; i < action.size(); ++i) {
    double total = 0;
    Reals probability(choices);
    for (std::size_t a = 0; a < choices; ++a) {
      if (mask[choices * i + a]) total += probability[a] = std::exp(logits[choices * i + a]);
    }
    double entropy = 0;
    for (double& p : probability) {
      p /= total;
      if (p > 0) entropy -= p * std::log(p);
    }
    y.push_back(std::log(probability[static_cast<std::size_t>(action[i])]));
    y.push_back(entropy);
  }
  return y;
}

Reals gaussian(const Reals& params, const Reals& u, std::size_t dims) {
  Reals y(2 * u.size() / dims);
  for (std::size_t i = 0; i < u.size(); ++i) {
    const std::size_t row = i / dims, mean = 2 * row * dims + i % dims;
    const double sigma = std::clamp(std::exp(params[mean + dims]), 1e-3, 2.0);
    const double z = (u[i] - params[mean]) / sigma, two_pi = 2 * std::numbers::pi;
    y[2 * row] += -z * z / 2 - std::log(sigma * std::sqrt(two_pi));
    y[2 * row + 1] += 0.5 * std::log(two_pi * std::numbers::e * sigma * sigma);
  }
  return y;
}

Reals ppo_surrogate(const Reals& evaluation, const std::vector<std::int32_t>& offsets,
                    const Reals& old_logp, const Reals& advantage, double epsilon,
                    SurrogateRatio ratio) {
  Reals y(4);
  const auto share = 1.0 / static_cast<double>(advantage.size());
  for (std::size_t s = 0; s < advantage.size(); ++s) {
    const auto begin = static_cast<std::size_t>(offsets[s]);
    const auto end = static_cast<std::size_t>(offsets[s + 1]);
    if (begin == end) continue;
    const double cell = share / static_cast<double>(end - begin);
    const auto add_term = [&](double log_ratio, double weight) {
      const double rho = std::exp(log_ratio), clipped = std::clamp(rho, 1 - epsilon, 1 + epsilon);
      y[0] -= weight * std::min(rho * advantage[s], clipped * advantage[s]);
      y[3] += weight * (std::abs(rho - 1) > epsilon);
    };
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const double log_ratio = evaluation[2 * i] - old_logp[i];
      sum += log_ratio;
      y[1] += cell * evaluation[2 * i + 1];
      y[2] += cell * (std::exp(log_ratio) - 1 - log_ratio);
      if (ratio == SurrogateRatio::kPerNode) add_term(log_ratio, cell);
    }
    if (ratio == SurrogateRatio::kJoint) add_term(sum, share);
    if (ratio == SurrogateRatio::kMeanLogp) add_term(sum / static_cast<double>(end - begin), share);
  }
  return y;
}

Reals value_loss(const Reals& values, const Reals& old_values, const Reals& returns,
                 const Reals& weights, ValueLossKind kind, double range) {
  const std::size_t components = weights.size(), states = values.size() / components;
  Reals y(1 + components);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double error = std::abs(values[i] - returns[i]);
    double loss = error * error;
    if (kind == ValueLossKind::kClipped) {
      const double step = std::clamp(values[i] - old_values[i], -range, range);
      loss = std::max(loss, std::pow(old_values[i] + step - returns[i], 2));
    }
    if (kind == ValueLossKind::kHuber && error > range) loss = 2 * range * (error - range / 2);
    const double mean = loss / static_cast<double>(states);
    y[1 + i % components] += mean;
    y[0] += weights[i % components] * mean;
  }
  return y;
}

}  // namespace frost::reference
