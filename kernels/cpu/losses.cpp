#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/cpu/families.h"
#include "kernels/parallel_for.h"

namespace frost {
namespace {

/// softmax(row)[c] = exp(row[c] - top) / sum.
struct Softmax {
  float top;
  double sum = 0;

  Softmax(const float* row, std::int64_t classes) : top(*std::max_element(row, row + classes)) {
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(row[c] - top);
  }
};

float mean(const std::vector<double>& terms, std::int64_t n) {
  const double sum = std::accumulate(terms.begin(), terms.end(), 0.0);
  return static_cast<float>(sum / static_cast<double>(n));
}

class CpuLosses final : public LossKernels {
 public:
  void cross_entropy_forward(std::int64_t rows, std::int64_t classes, const float* logits,
                             const std::int32_t* labels, float* loss) override {
    std::vector<double> terms(static_cast<std::size_t>(rows));
    parallel_for(rows, 16 * classes, [&](std::int64_t r) {
      const float* row = logits + r * classes;
      const Softmax softmax(row, classes);
      const double below_top = static_cast<double>(softmax.top) - row[labels[r]];
      terms[static_cast<std::size_t>(r)] = std::log(softmax.sum) + below_top;
    });
    *loss = mean(terms, rows);
  }

  void cross_entropy_backward(std::int64_t rows, std::int64_t classes, const float* logits,
                              const std::int32_t* labels, const float* dloss,
                              GradOut dlogits) override {
    const float share = *dloss / static_cast<float>(rows);
    parallel_for(rows, 32 * classes, [&](std::int64_t r) {
      const float* row = logits + r * classes;
      const Softmax softmax(row, classes);
      const auto inverse = static_cast<float>(1.0 / softmax.sum);
      for (std::int64_t c = 0; c < classes; ++c) {
        const float p = std::exp(row[c] - softmax.top) * inverse;
        store(share * (p - static_cast<float>(c == labels[r])), dlogits.mode,
              dlogits.data[r * classes + c]);
      }
    });
  }

  void mse_forward(std::int64_t n, const float* x, const float* target, float* loss) override {
    // One partial sum per block, added in block order: the same bits for any number of threads.
    std::vector<double> partial(
        static_cast<std::size_t>((n + kParallelBlock - 1) / kParallelBlock));
    parallel_blocks(n, 3, [&](std::int64_t begin, std::int64_t end) {
      double sum = 0;
      for (std::int64_t i = begin; i < end; ++i) {
        const double error = static_cast<double>(x[i]) - target[i];
        sum += error * error;
      }
      partial[static_cast<std::size_t>(begin / kParallelBlock)] = sum;
    });
    *loss = mean(partial, n);
  }

  void mse_backward(std::int64_t n, const float* x, const float* target, const float* dloss,
                    GradOut dx) override {
    const float share = 2.0f * *dloss / static_cast<float>(n);
    parallel_blocks(n, 3, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        store(share * (x[i] - target[i]), dx.mode, dx.data[i]);
      }
    });
  }
};

}  // namespace

std::unique_ptr<LossKernels> make_losses(CpuBackend&) {
  return std::make_unique<CpuLosses>();
}

}  // namespace frost
