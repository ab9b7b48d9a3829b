#include "tests/golden/closed_form_resnet.h"

#include <gtest/gtest.h>

#include <map>

#include "engine/tensor.h"
#include "tests/golden_files.h"
#include "weights/resnet_names.h"
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
  const StateDict state = closed_form_resnet(18);
  for (const std::string name : {"conv1.weight", "bn1.running_var"}) {
    expect_starts_with_golden(state.at(name).to_floats(name), "generator." + name);
  }
  expect_starts_with_golden(closed_form_input(2, 3, 24, 24), "generator.input");
}

TEST(ClosedForm, ResNetsHaveTheTensorsOfTheWeightTableAndTorchvisionsParameterCounts) {
  const std::map<int, std::int64_t> known = {{18, 11'689'512}, {34, 21'797'672}, {50, 25'557'032}};
  for (const auto& [depth, expected] : known) {
    SCOPED_TRACE(depth);
    const StateDict state = closed_form_resnet(depth);
    const std::vector<TensorSpec>& specs = resnet_tensors(depth);
    EXPECT_EQ(state.size(), specs.size());
    std::int64_t parameters = 0;
    for (const TensorSpec& spec : specs) {
      ASSERT_TRUE(state.contains(spec.name)) << spec.name;
      EXPECT_EQ(state.at(spec.name).shape, spec.shape) << spec.name;
      if (spec.is_parameter()) parameters += numel(spec.shape);
    }
    EXPECT_EQ(parameters, expected);
  }
}

}  // namespace
}  // namespace frost
