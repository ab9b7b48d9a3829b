#include "engine/observe/finite_check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cfloat>

#include "engine/device_graph.h"
#include "engine/dry_run.h"
#include "engine/optim/adam.h"
#include "engine/policy_ops.h"
#include "tests/engine/errors.h"
#include "tests/engine/op_observers.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

Tensor floats(const std::vector<float>& values, Shape shape = {}) {
  if (shape.empty()) shape = {static_cast<std::int64_t>(values.size())};
  return Tensor::from_host(*test_backends().front(), std::move(shape), values);
}

Tensor trainable(const std::vector<float>& values) {
  Tensor t = floats(values);
  t.set_requires_grad(true);
  return t;
}

/// Forward, and back where a gradient passes, on inputs of its own.
void run_row(Backend& backend, const OpCase& row) {
  const Tensor y = row.bind(backend, upload(backend, row.inputs, trains_of(row)))();
  if (!y.requires_grad()) return;
  const CaseInput c = case_input(row.title(), "cotangent", y.shape());
  backward({{y, Tensor::from_host(backend, c.shape, c.values)}});
}

class FiniteChecks : public testing::TestWithParam<std::string> {};

TEST_P(FiniteChecks, NameTheOpThatMadeANaN) {
  std::ptrdiff_t forward = 0, backward = 0;
  bool trains = false;
  const std::string op = "[" + GetParam() + "] ";
  for (const OpCase* row : op_cases_of(GetParam())) {
    SCOPED_TRACE(row->title());
    for (const bool t : trains_of(*row)) trains = trains || t;
    for (Backend* backend : test_backends()) {
      SCOPED_TRACE(backend->description());
      std::vector<std::string> made;
      {
        const FiniteCheck nothing_to_find;
        OpLog log;
        run_row(*backend, *row);
        made = log.seen;
        forward += log.count(op + "forward: the output ");
        backward += log.count(op + "backward: the gradient of input ");
      }
      for (std::size_t i = 0; i < made.size(); ++i) {
        Spoiler spoiler(i);
        const FiniteCheck check;
        const std::string text = error_of([&] { run_row(*backend, *row); });
        EXPECT_TRUE(text.starts_with(made[i] + " is NaN at element "))
            << text << ", not " << made[i];
      }
    }
  }
  EXPECT_GT(forward, 0);
  EXPECT_EQ(backward > 0, trains);
}

INSTANTIATE_TEST_SUITE_P(Ops, FiniteChecks, testing::ValuesIn(op_case_names()),
                         [](const auto& info) { return info.param; });

TEST(FiniteCheck, SaysWhichElementAndWhatItIs) {
  const FiniteCheck check;
  const Tensor zeros = floats({0, 0, 0, 0}, {2, 2});
  EXPECT_EQ(error_of([&] {
              add(zeros, floats({0, 1, NAN, INFINITY}, {2, 2}));
            }),
            "[add] forward: the output [2,2] is NaN at element 2");
  EXPECT_EQ(error_of([&] {
              add(zeros, floats({0, INFINITY, NAN, 0}, {2, 2}));
            }),
            "[add] forward: the output [2,2] is infinity at element 1");
  EXPECT_EQ(error_of([&] {
              add(zeros, floats({-INFINITY, 0, 0, 0}, {2, 2}));
            }),
            "[add] forward: the output [2,2] is -infinity at element 0");
  EXPECT_THROW(add(zeros, floats({NAN, 0, 0, 0}, {2, 2})), NotFiniteError);
}

TEST(FiniteCheck, SeesGradientsThatComeInAndThatOverflow) {
  const FiniteCheck check;
  const Tensor x = trainable({1, 2});
  EXPECT_EQ(error_of([&] {
              backward({{add(x, x), floats({1, NAN})}});
            }),
            "[seed_gradient] backward: the gradient of input 0 [2] is NaN at element 1");
  const Tensor y = trainable({1, 2});
  EXPECT_EQ(error_of([&] {
              backward({{add(y, y), floats({FLT_MAX, 1})}});
            }),
            "[add] backward: the gradient of input 0 [2] is infinity at element 0")
      << "the sum of both contributions: its inputs are one tensor";
}

TEST(FiniteCheck, NamesTheParameterThatAStepMakesInfinite) {
  const Tensor good = trainable({1}), p = trainable({0, FLT_MAX});
  Adam adam({{"all", 2e37, {{"good", good}, {"head.weight", p}}}});
  backward({{add(p, p), floats({1, -1})}});
  const FiniteCheck check;
  EXPECT_EQ(error_of([&] { adam.step(1.0); }),
            "[adam] step: the parameter 'head.weight' [2] is infinity at element 1");
}

TEST(FiniteCheck, LetsTheLogProbabilityOfAForbiddenChoicePass) {
  const std::vector<std::uint8_t> allowed{1, 0};
  const std::vector<std::int32_t> choice{1};
  Backend& backend = *test_backends().front();
  const Tensor mask = Tensor::from_host(backend, std::span(allowed));
  const Tensor action = Tensor::from_host(backend, std::span(choice));
  const FiniteCheck check;
  EXPECT_EQ(evaluate_categorical(floats({0, 0}, {1, 2}), mask, action).to_host().front(),
            -INFINITY);
  EXPECT_EQ(error_of([&] {
              evaluate_categorical(floats({NAN, 0}, {1, 2}), mask, action);
            }).substr(0, 31),
            "[evaluate_categorical] forward:");
}

TEST(OpObserver, SeesWhatIsNotRecordedAndNothingInADryRunOrAfterItsEnd) {
  const Tensor x = trainable({1, 2});
  std::vector<std::string> seen;
  {
    OpLog log;
    {
      const NoGradGuard no_grad;
      add(x, x);
    }
    {
      const DryRun dry(x.backend());
      add(x, x);
    }
    seen = log.seen;
  }
  EXPECT_EQ(seen, std::vector<std::string>{"[add] forward: the output [2]"});
  EXPECT_FALSE(OpObserver::any());
}

class ObservedRecordings : public testing::TestWithParam<Backend*> {};

TEST_P(ObservedRecordings, AreRefusedWhereTheyWouldCallNoOp) {
  Backend& backend = *GetParam();
  const Tensor x = Tensor::zeros(backend, {4});
  Tensor y = add(x, x);
  const auto work = [&] { y = add(x, x); };
  DeviceGraph graph(backend, work);
  OpLog log;
  if (backend.records()) {
    const std::string text = "[device_graph] recorded work cannot be observed: run it eagerly";
    EXPECT_EQ(error_of([&] { graph.replay(); }), text);
    EXPECT_EQ(error_of([&] { DeviceGraph(backend, work); }), text);
  } else {
    graph.replay();
    EXPECT_EQ(log.seen.size(), 1U);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, ObservedRecordings, testing::ValuesIn(test_backends()),
                         [](const auto& info) { return "device" + std::to_string(info.index); });

}  // namespace
}  // namespace frost
