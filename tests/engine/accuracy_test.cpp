#include "engine/accuracy.h"

#include <gtest/gtest.h>

#include "kernels/backend_registry.h"
#include "tests/engine/errors.h"

namespace frost {
namespace {

Tensor labels_of(const std::vector<std::int32_t>& labels) {
  return Tensor::from_host(cpu_backend(), std::span<const std::int32_t>(labels));
}

TEST(Accuracy, CountsRowsWhoseLargestLogitIsTheLabel) {
  const Tensor logits =
      Tensor::from_host(cpu_backend(), {3, 2}, std::vector<float>{1, 2, 5, -1, 3, 3});
  EXPECT_DOUBLE_EQ(accuracy(logits, labels_of({1, 0, 0})), 1.0);
  EXPECT_DOUBLE_EQ(accuracy(logits, labels_of({1, 1, 1})), 1.0 / 3.0);
}

TEST(Accuracy, RefusesWhatDoesNotFit) {
  const Tensor logits = Tensor::from_host(cpu_backend(), {1, 2}, std::vector<float>{1, 2});
  EXPECT_EQ(error_of([&] {
              accuracy(logits, labels_of({1, 0}));
            }),
            "[accuracy] logits are [1,2] and labels [2], expected [n,c] and [n] with n > 0");
  EXPECT_NE(error_of([&] { accuracy(logits, logits.reshape({2}).detach()); }), "");
}

}  // namespace
}  // namespace frost
