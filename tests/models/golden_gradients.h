#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/layers/image_layout.h"
#include "engine/tensor.h"
#include "tests/golden_files.h"
#include "tests/op_table/op_cases.h"
#include "weights/safetensors.h"

namespace frost {

/// The stored numbers of one network (tests/golden/README.md).
class Golden {
 public:
  /// `samples` is how many elements of a gradient the file holds at most.
  Golden(const std::string& file, std::size_t samples)
      : tensors_(read_safetensors(golden_path(file)).tensors), samples_(samples) {}

  Reals at(const std::string& name) const { return as_reals(tensors_.at(name).to_floats(name)); }

  /// Compares a gradient in PyTorch's layout with the stored sample and norm. The error of the
  /// sample is measured against the size of the whole tensor's elements: samples of a 3x3
  /// convolution hold corner taps only, which are far smaller than the sums they are made of.
  void expect_gradient(const std::vector<float>& values, const std::string& name,
                       double tolerance) const {
    const Reals sample = at(name + ".sample");
    const double norm = at(name + ".norm").front();
    const std::size_t stride = std::max<std::size_t>(1, values.size() / samples_);
    ASSERT_LE((sample.size() - 1) * stride, values.size()) << name;
    double difference = 0, squares = 0;
    for (std::size_t i = 0; i < sample.size(); ++i) {
      difference += std::pow(values[i * stride] - sample[i], 2);
    }
    for (const float v : values) squares += static_cast<double>(v) * v;
    const double elements = static_cast<double>(values.size()) / static_cast<double>(sample.size());
    EXPECT_LE(std::sqrt(difference * elements) / norm, tolerance) << name;
    EXPECT_NEAR(std::sqrt(squares) / norm, 1.0, tolerance) << name;
  }

 private:
  StateDict tensors_;
  std::size_t samples_;
};

/// Images and convolution weights live channels-last; PyTorch has channels second.
inline std::vector<float> in_torch_layout(const Tensor& gradient) {
  const std::vector<float> values = gradient.to_host();
  return gradient.shape().size() == 4 ? nhwc_to_nchw(values, gradient.shape()) : values;
}

}  // namespace frost
