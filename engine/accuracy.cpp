#include "engine/accuracy.h"

#include <algorithm>

#include "kernels/errors.h"

namespace frost {

double accuracy(const Tensor& logits, const Tensor& labels) {
  if (logits.shape().size() != 2 || labels.shape() != Shape{logits.dim(0)} || logits.dim(0) == 0) {
    fail("accuracy", "logits are " + to_string(logits.shape()) + " and labels " +
                         to_string(labels.shape()) + ", expected [n,c] and [n] with n > 0");
  }
  const std::vector<float> scores = logits.to_host();
  const std::vector<std::int32_t> wanted = labels.to_host<std::int32_t>();
  const auto classes = static_cast<std::ptrdiff_t>(logits.dim(1));
  std::ptrdiff_t right = 0;
  auto row = scores.begin();
  for (const std::int32_t label : wanted) {
    right += std::max_element(row, row + classes) - row == label;
    row += classes;
  }
  return static_cast<double>(right) / static_cast<double>(wanted.size());
}

}  // namespace frost
