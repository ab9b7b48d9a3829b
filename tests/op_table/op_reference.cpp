#include "tests/op_table/op_reference.h"

#include <algorithm>
#include <cmath>

namespace frost::reference {

Reals linear(const Reals& x, const Reals& w, const Reals* bias, std::size_t n, std::size_t out) {
  const std::size_t in = w.size() / out;
  Reals y(n * out);
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t o = 0; o < out; ++o) {
      double sum = bias != nullptr ? (*bias)[o] : 0.0;
      for (std::size_t i = 0; i < in; ++i) sum += x[r * in + i] * w[o * in + i];
      y[r * out + o] = sum;
    }
  }
  return y;
}

Reals gelu(const Reals& x) {
  Reals y;
  for (const double v : x) y.push_back(0.5 * v * std::erfc(-v / std::sqrt(2.0)));
  return y;
}

Reals layer_norm(const Reals& x, const Reals& gamma, const Reals& beta) {
  const std::size_t cols = gamma.size();
  Reals y(x.size());
  for (std::size_t r = 0; r < x.size() / cols; ++r) {
    double mean = 0, variance = 0;
    for (std::size_t c = 0; c < cols; ++c) mean += x[r * cols + c] / static_cast<double>(cols);
    for (std::size_t c = 0; c < cols; ++c) {
      variance += std::pow(x[r * cols + c] - mean, 2) / static_cast<double>(cols);
    }
    for (std::size_t c = 0; c < cols; ++c) {
      y[r * cols + c] = (x[r * cols + c] - mean) / std::sqrt(variance + 1e-5) * gamma[c] + beta[c];
    }
  }
  return y;
}

Reals softmax_runs(const Reals& x, std::size_t run, double temperature) {
  Reals y(x.size());
  for (std::size_t begin = 0; begin < x.size(); begin += run) {
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(begin);
    const double top = *std::max_element(first, first + static_cast<std::ptrdiff_t>(run));
    double sum = 0;
    for (std::size_t i = begin; i < begin + run; ++i) {
      sum += y[i] = std::exp((x[i] - top) / temperature);
    }
    for (std::size_t i = begin; i < begin + run; ++i) y[i] /= sum;
  }
  return y;
}

Reals cross_entropy(const Reals& logits, const std::vector<std::int32_t>& labels) {
  const std::size_t classes = logits.size() / labels.size();
  double sum = 0;
  for (std::size_t r = 0; r < labels.size(); ++r) {
    const double* row = &logits[r * classes];
    const double top = *std::max_element(row, row + classes);
    double exponentials = 0;
    for (std::size_t c = 0; c < classes; ++c) exponentials += std::exp(row[c] - top);
    sum += std::log(exponentials) + top - row[labels[r]];
  }
  return {sum / static_cast<double>(labels.size())};
}

Reals mse(const Reals& x, const Reals& target) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += std::pow(x[i] - target[i], 2);
  return {sum / static_cast<double>(x.size())};
}

Reals conv2d(const Conv2dShape& s, const Reals& x, std::int64_t x_channels, const Reals& weight) {
  Reals y(static_cast<std::size_t>(s.n * s.oh() * s.ow() * s.k));
  std::size_t at = 0;
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t pixel = 0; pixel < s.oh() * s.ow(); ++pixel) {
      for (std::int64_t o = 0; o < s.k; ++o, ++at) {
        for (std::int64_t tap = 0; tap < s.kh * s.kw; ++tap) {
          const std::int64_t iy = pixel / s.ow() * s.stride - s.pad + tap / s.kw;
          const std::int64_t ix = pixel % s.ow() * s.stride - s.pad + tap % s.kw;
          if (iy < 0 || ix < 0 || iy >= s.h || ix >= s.w) continue;
          const std::int64_t from = ((n * s.h + iy) * s.w + ix) * x_channels;
          const std::int64_t filter = (o * s.kh * s.kw + tap) * s.c;
          for (std::int64_t c = 0; c < s.c; ++c) {
            y[at] += x[static_cast<std::size_t>(from + (x_channels == 1 ? 0 : c))] *
                     weight[static_cast<std::size_t>(filter + c)];
          }
        }
      }
    }
  }
  return y;
}

Reals batch_norm(const Reals& z, const Reals& gamma, const Reals& beta, const Reals& mean,
                 const Reals& var) {
  Reals y(z.size());
  for (std::size_t i = 0; i < z.size(); ++i) {
    const std::size_t c = i % gamma.size();
    y[i] = gamma[c] * (z[i] - mean[c]) / std::sqrt(var[c] + 1e-5) + beta[c];
  }
  return y;
}

Reals max_pool(const Pool2dShape& s, const Reals& x) {
  Reals y;
  for (std::int64_t out = 0; out < s.n * s.oh() * s.ow(); ++out) {
    const std::int64_t n = out / (s.oh() * s.ow());
    const std::int64_t top = out / s.ow() % s.oh() * s.stride - s.pad;
    const std::int64_t left = out % s.ow() * s.stride - s.pad;
    for (std::int64_t c = 0; c < s.c; ++c) {
      double best = -INFINITY;
      for (std::int64_t iy = std::max<std::int64_t>(0, top); iy < std::min(s.h, top + s.kernel);
           ++iy) {
        for (std::int64_t ix = std::max<std::int64_t>(0, left); ix < std::min(s.w, left + s.kernel);
             ++ix) {
          best = std::max(best, x[static_cast<std::size_t>(((n * s.h + iy) * s.w + ix) * s.c + c)]);
        }
      }
      y.push_back(best);
    }
  }
  return y;
}

Reals global_avg_pool(const Reals& x, std::size_t n, std::size_t pixels, std::size_t c) {
  Reals y(n * c);
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i / (pixels * c) * c + i % c] += x[i] / static_cast<double>(pixels);
  }
  return y;
}

}  // namespace frost::reference
