#include "kernels/cpu_levels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "kernels/errors.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

/// The levels of this CPU whose multiply-adds round once: they promise equal bits.
std::vector<const CpuLevel*> fusing_levels() {
  std::vector<const CpuLevel*> levels(cpu_levels().begin(), cpu_levels().end());
  std::erase_if(levels,
                [](const CpuLevel* level) { return level->name == std::string("baseline"); });
  return levels;
}

/// The result of an op and its gradients, as they are.
std::vector<std::vector<float>> bits_of(const OpCase& row, Backend& backend) {
  const std::vector<Tensor> inputs = upload(backend, row.inputs, trains_of(row));
  const Tensor y = row.bind(backend, inputs)();
  std::vector<std::vector<float>> bits{y.to_host()};
  if (!y.requires_grad()) return bits;
  const CaseInput c = case_input(row.title(), "cotangent", y.shape());
  backward({{y, Tensor::from_host(backend, c.shape, c.values)}});
  for (const Tensor& t : inputs) {
    if (t.grad().defined()) bits.push_back(t.grad().to_host());
  }
  return bits;
}

std::string refusal_of(const std::string& name) {
  try {
    cpu_level(name);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(CpuLevels, AreDistinctAndTheLastIsTheDefault) {
  std::set<std::string> names;
  for (const CpuLevel* level : cpu_levels()) {
    EXPECT_TRUE(names.insert(level->name).second) << level->name;
    EXPECT_EQ(&cpu_level(level->name), level);
    EXPECT_EQ(&cpu_backend_at(*level), &cpu_backend_at(*level));
    EXPECT_NE(cpu_backend_at(*level).description().find(level->name), std::string::npos);
  }
  EXPECT_EQ(&cpu_level(""), cpu_levels().back());
}

TEST(CpuLevels, AnUnknownNameIsRefusedWithTheKnownOnes) {
  const std::string text = refusal_of("sse9");
  EXPECT_NE(text.find("FROST_ISA=sse9"), std::string::npos) << text;
  for (const CpuLevel* level : cpu_levels()) {
    EXPECT_NE(text.find(level->name), std::string::npos) << text;
  }
}

TEST(CpuLevels, EveryLevelCountsTheMultiplicationsItDoes) {
  for (const CpuLevel* level : cpu_levels()) {
    const std::int64_t once = level->multiply_adds(1);
    EXPECT_GT(once, 0);
    EXPECT_EQ(level->multiply_adds(5), 5 * once);
  }
}

TEST(CpuLevels, AConvolutionTakesTheSameWorkOnAllOfThem) {
  // Per pair of channels and image: docs/architecture.md, "Convolutions on the CPU".
  const auto work = [](const CpuLevel& level, std::int64_t map, std::int64_t n) {
    return level.conv2d_work({n, map, map, 64, 128, 3, 3, 1, 1}).multiplications / (64 * 128 * n);
  };
  for (const CpuLevel* level : cpu_levels()) {
    EXPECT_EQ(work(*level, 21, 4), 1225);
    EXPECT_EQ(work(*level, 11, 4), 324);
    EXPECT_EQ(work(*level, 6, 4), 100);
    EXPECT_EQ(work(*level, 1, 64), 1);
    // Live taps: 512 channels in a small batch, and strides.
    EXPECT_EQ(level->conv2d_work({2, 3, 3, 512, 512, 3, 3, 1, 1}).multiplications,
              2 * 49 * 512 * 512);
    EXPECT_EQ(level->conv2d_work({1, 4, 4, 2, 3, 3, 3, 2, 1}).multiplications, 25 * 2 * 3);
  }
}

TEST(CpuLevels, ResultsAndGradientsOfEveryOpHaveEqualBits) {
  const std::vector<const CpuLevel*> levels = fusing_levels();
  if (levels.size() < 2) GTEST_SKIP() << "this CPU has one level with fused multiply-adds";
  for (const OpCase& row : op_cases()) {
    SCOPED_TRACE(row.title());
    const auto expected = bits_of(row, cpu_backend_at(*levels[0]));
    for (std::size_t i = 1; i < levels.size(); ++i) {
      EXPECT_EQ(bits_of(row, cpu_backend_at(*levels[i])), expected) << levels[i]->name;
    }
  }
}

}  // namespace
}  // namespace frost
