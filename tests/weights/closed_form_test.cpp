#include "tests/golden/closed_form.h"

#include <gtest/gtest.h>

#include "tests/golden_files.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

/// Compares the golden tensor with the first elements of `values`, bit for bit.
void expect_starts_with_golden(const std::vector<float>& values, const std::string& name) {
  static const StateDict golden = read_safetensors(golden_path("resnet18.safetensors")).tensors;
  const auto expected = golden.at(name).to_floats(name);
  ASSERT_LE(expected.size(), values.size());
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(values[i], expected[i]) << i;
}

TEST(ClosedForm, WeightsAreTheBitsThePythonGeneratorMakes) {
  const StateDict state = closed_form_resnet18();
  for (const std::string name : {"conv1.weight", "bn1.running_var"}) {
    expect_starts_with_golden(state.at(name).to_floats(name), "generator." + name);
  }
  expect_starts_with_golden(closed_form_input(2, 3, 24, 24), "generator.input");
}

TEST(ClosedForm, ResNet18Has102TensorsAndTheKnownParameterCount) {
  const StateDict state = closed_form_resnet18();
  EXPECT_EQ(state.size(), 102U);
  std::int64_t parameters = 0;
  for (const auto& [name, tensor] : state) {
    std::int64_t count = 1;
    for (const std::int64_t size : tensor.shape) count *= size;
    if (name.find("running_") == std::string::npos) parameters += count;
  }
  EXPECT_EQ(parameters, 11689512);
}

}  // namespace
}  // namespace frost
