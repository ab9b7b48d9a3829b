#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "kernels/bfloat16.h"
#include "tests/gpu_double/cudnn/fixture.h"
#include "tests/gpu_double/cudnn/interpreter.h"

// What the double of cuDNN computes.
namespace frost::gpu_double::cudnn {
namespace {

const Engine kPlain{.index = 44};

/// Memory of the tensors of a graph, by uid; float only.
using Memory = std::map<std::int64_t, std::vector<float>>;

std::size_t offset(const Tensor& t, const Dims& at) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < 4; ++i) sum += at[i] * t.strides[i];
  return static_cast<std::size_t>(sum);
}

/// Numbers that depend on the index, not on the layout.
Memory filled(const Graph& graph) {
  Memory memory;
  for (const Tensor* t : outer_tensors(graph)) {
    auto& numbers = memory[t->uid];
    numbers.assign(static_cast<std::size_t>(t->span_bytes() / 4), NAN);
    std::mt19937 random(static_cast<unsigned>(t->uid));
    std::uniform_real_distribution<float> uniform(-1, 1);
    const Dims& d = t->dims;
    for (std::int64_t n = 0; n < d[0]; ++n) {
      for (std::int64_t c = 0; c < d[1]; ++c) {
        for (std::int64_t h = 0; h < d[2]; ++h) {
          for (std::int64_t w = 0; w < d[3]; ++w)
            numbers[offset(*t, {n, c, h, w})] = uniform(random);
        }
      }
    }
  }
  return memory;
}

void run(const Graph& graph, const Engine& engine, Memory& memory) {
  std::map<std::int64_t, void*> data;
  for (auto& [uid, numbers] : memory) data[uid] = numbers.data();
  interpret(graph, engine, data);
}

/// The sums of a convolution by its definition, at the places of the result's elements in memory.
std::vector<double> plain_sums(const Convolution& convolution, const Memory& memory) {
  const Tensor &x = convolution.x, &w = convolution.w, &y = convolution.y;
  const Window& window = convolution.window;
  const auto number = [&](const Tensor& t, const Dims& at) {
    return static_cast<double>(memory.at(t.uid)[offset(t, at)]);
  };
  std::vector<double> sums(memory.at(convolution.result().uid).size());
  const auto connect = [&](const Dims& in_x, const Dims& in_w, const Dims& in_y) {
    switch (convolution.direction) {
      case Direction::kForward:
        sums[offset(y, in_y)] += number(x, in_x) * number(w, in_w);
        break;
      case Direction::kBackwardData:
        sums[offset(x, in_x)] += number(y, in_y) * number(w, in_w);
        break;
      case Direction::kBackwardFilter:
        sums[offset(w, in_w)] += number(y, in_y) * number(x, in_x);
        break;
    }
  };
  const auto tap = [&](std::size_t i, std::int64_t out, std::int64_t at) {
    const std::int64_t turned = window.flipped ? w.dims[2 + i] - 1 - at : at;
    return out * window.stride[i] - window.pad_before[i] + turned * window.dilation[i];
  };
  for (std::int64_t i = 0; i < y.elements() * w.dims[1] * w.dims[2] * w.dims[3]; ++i) {
    std::int64_t rest = i;
    const auto next = [&](std::int64_t size) { return std::exchange(rest, rest / size) % size; };
    const std::int64_t ow = next(y.dims[3]), s = next(w.dims[3]), oh = next(y.dims[2]),
                       r = next(w.dims[2]), k = next(y.dims[1]), c = next(w.dims[1]),
                       n = next(y.dims[0]);
    const std::int64_t h = tap(0, oh, r), v = tap(1, ow, s);
    if (h < 0 || h >= x.dims[2] || v < 0 || v >= x.dims[3]) continue;
    connect({n, c, h, v}, {k, c, r, s}, {n, k, oh, ow});
  }
  return sums;
}

struct Shape {
  Dims x;
  std::int64_t filters, kh, kw;
  Window window;
};

const std::vector<Shape> kShapes{
    {{2, 4, 5, 6}, 8, 3, 3, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, false}},
    {{3, 3, 9, 8}, 5, 7, 7, {{3, 3}, {3, 3}, {2, 2}, {1, 1}, false}},
    {{2, 7, 6, 6}, 9, 1, 1, {{0, 0}, {0, 0}, {2, 2}, {1, 1}, false}},
    {{1, 2, 9, 7}, 3, 3, 2, {{2, 0}, {1, 1}, {1, 2}, {2, 3}, false}},
    {{2, 3, 5, 5}, 4, 2, 3, {{1, 0}, {0, 2}, {2, 1}, {1, 1}, true}},
    {{5, 130, 1, 1}, 6, 3, 3, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, false}},
};
constexpr auto kDirections = {Direction::kForward, Direction::kBackwardData,
                              Direction::kBackwardFilter};

Convolution convolution_of(const Shape& shape, Direction direction, Dims (*layout)(const Dims&)) {
  const Window& window = shape.window;
  const auto out = [&](std::size_t i, std::int64_t taps) {
    return (shape.x[2 + i] + window.pad_before[i] + window.pad_after[i] -
            window.dilation[i] * (taps - 1) - 1) /
               window.stride[i] +
           1;
  };
  Convolution made{direction, {}, {}, {}, window};
  made.x.dims = shape.x;
  made.w.dims = {shape.filters, shape.x[1], shape.kh, shape.kw};
  made.y.dims = {shape.x[0], shape.filters, out(0, shape.kh), out(1, shape.kw)};
  std::int64_t uid = 0;
  for (Tensor* t : {&made.x, &made.w, &made.y}) {
    *t = {CUDNN_DATA_FLOAT, t->dims, layout(t->dims), ++uid, 4, false};
  }
  check(made);
  return made;
}

TEST(CudnnDoubleNumbers, EveryDirectionIsTheSumByItsDefinition) {
  for (const Shape& shape : kShapes) {
    for (const Direction direction : kDirections) {
      Convolution convolution = convolution_of(shape, direction, nhwc);
      convolution.alpha = 0.5f;
      const Graph graph{{convolution}};
      Memory memory = filled(graph);
      const std::vector<double> sums = plain_sums(convolution, memory);
      run(graph, kPlain, memory);
      const auto& result = memory[convolution.result().uid];
      for (std::size_t i = 0; i < sums.size(); ++i) {
        ASSERT_FLOAT_EQ(result[i], static_cast<float>(0.5 * sums[i])) << "element " << i;
      }
    }
  }
}

TEST(CudnnDoubleNumbers, TheLayoutChangesNoBit) {
  for (const Shape& shape : kShapes) {
    for (const Direction direction : kDirections) {
      std::vector<std::vector<float>> results;
      for (const auto layout : {nhwc, nchw}) {
        const Convolution convolution = convolution_of(shape, direction, layout);
        const Graph graph{{convolution}};
        Memory memory = filled(graph);
        run(graph, kPlain, memory);
        const Tensor& t = convolution.result();
        auto& result = results.emplace_back();
        for (std::int64_t i = 0; i < t.elements(); ++i) {
          const Dims& d = t.dims;
          const Dims at{i / (d[1] * d[2] * d[3]), i / (d[2] * d[3]) % d[1], i / d[3] % d[2],
                        i % d[3]};
          result.push_back(memory[t.uid][offset(t, at)]);
        }
      }
      EXPECT_EQ(results[0], results[1]);
    }
  }
}

TEST(CudnnDoubleNumbers, BetaReadsTheResultUnlessItIsZero) {
  Convolution convolution = small_convolution();
  Memory memory = filled({{convolution}});
  const auto before = memory[3];
  const std::vector<double> sums = plain_sums(convolution, memory);
  convolution.beta = 2;
  run({{convolution}}, kPlain, memory);
  EXPECT_FLOAT_EQ(memory[3][7], static_cast<float>(sums[7] + 2.0 * before[7]));

  convolution.beta = 0;
  for (float& each : memory[3]) each = std::numeric_limits<float>::quiet_NaN();
  run({{convolution}}, kPlain, memory);
  EXPECT_FLOAT_EQ(memory[3][7], static_cast<float>(sums[7]));
}

TEST(CudnnDoubleNumbers, AnEpilogueAddsBiasAndHidesNothingAboveZero) {
  const Graph graph = fused_graph();
  Memory memory = filled(graph);
  Convolution unfused = small_convolution();
  const std::vector<double> sums = plain_sums(unfused, memory);
  run(graph, kPlain, memory);
  int zeros = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double biased = sums[i] + static_cast<double>(memory[4][i % 8]);
    ASSERT_FLOAT_EQ(memory[3][i], static_cast<float>(biased > 0 ? biased : 0));
    if (biased < 0) ++zeros;
  }
  EXPECT_GT(zeros, 0);
}

TEST(CudnnDoubleNumbers, OnlyTheStrictEngineKeepsANanThroughRelu) {
  const Graph graph = fused_graph();
  const Engine strict{.index = 0, .notes = {CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP}};
  for (const Engine& engine : {kPlain, strict}) {
    Memory memory = filled(graph);
    memory[4][2] = std::numeric_limits<float>::quiet_NaN();
    run(graph, engine, memory);
    if (engine.index == strict.index) {
      EXPECT_TRUE(std::isnan(memory[3][2]));
    } else {
      EXPECT_EQ(memory[3][2], 0);
    }
  }
}

/// One product of 1 + 2^-exponent with 1.
float product_of_one_and(int exponent, const Engine& engine) {
  Convolution convolution;
  std::int64_t uid = 0;
  for (Tensor* t : {&convolution.x, &convolution.w, &convolution.y}) {
    *t = channels_last(++uid, {1, 1, 1, 1});
  }
  convolution.window = {{0, 0}, {0, 0}, {1, 1}, {1, 1}, false};
  Memory memory{{1, {1 + std::ldexp(1.0f, -exponent)}}, {2, {1}}, {3, {0}}};
  run({{convolution}}, engine, memory);
  return memory[3][0] - 1;
}

TEST(CudnnDoubleNumbers, AnEngineThatRoundsRounds) {
  const Engine tf32{.index = 60, .mantissa_bits = 10};
  EXPECT_EQ(product_of_one_and(10, tf32), std::ldexp(1.0f, -10));
  EXPECT_EQ(product_of_one_and(12, tf32), 0);
  EXPECT_EQ(product_of_one_and(12, kPlain), std::ldexp(1.0f, -12));
  const Engine reduced{.index = 20, .notes = {CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION}};
  EXPECT_EQ(product_of_one_and(10, reduced), 0);
}

TEST(CudnnDoubleNumbers, TheNondeterministicEngineNeverGivesTheSameTwice) {
  const Graph graph{{small_convolution()}};
  const Engine engine{.index = 31, .notes = {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC}};
  Memory first = filled(graph), second = filled(graph);
  run(graph, engine, first);
  run(graph, engine, second);
  EXPECT_NE(first[3], second[3]);
  for (std::size_t i = 0; i < first[3].size(); ++i) EXPECT_NEAR(first[3][i], second[3][i], 1e-5);
}

TEST(CudnnDoubleNumbers, Bfloat16IsReadExactlyAndRoundedOnce) {
  const Convolution convolution = small_convolution(CUDNN_DATA_BFLOAT16);
  Memory floats = filled({{small_convolution()}});
  std::map<std::int64_t, std::vector<std::uint16_t>> halves;
  std::map<std::int64_t, void*> data;
  for (auto& [uid, numbers] : floats) {
    for (float& each : numbers) {
      halves[uid].push_back(round_to_bfloat16(each));
      each = bfloat16_to_float(halves[uid].back());
    }
    data[uid] = halves[uid].data();
  }
  interpret({{convolution}}, kPlain, data);
  run({{small_convolution()}}, kPlain, floats);
  for (std::size_t i = 0; i < floats[3].size(); ++i) {
    EXPECT_EQ(halves[3][i], round_to_bfloat16(floats[3][i]));
  }
}

}  // namespace
}  // namespace frost::gpu_double::cudnn
