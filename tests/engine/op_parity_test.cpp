#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>

#include "kernels/backend_registry.h"
#include "tests/golden_files.h"
#include "tests/op_table/op_cases.h"
#include "tests/op_table/precision.h"
#include "tests/text_files.h"

namespace frost {
namespace {

/// Guard bytes around every block allocated while it lives.
class Guarded {
 public:
  Guarded() { Storage::enable_guards(true); }
  ~Guarded() { Storage::enable_guards(false); }
};

class OpParity : public testing::TestWithParam<std::string> {};

/// One forward pass between guard bytes, against what it should give.
void expect_forward(Backend& backend, const OpCase& row, const Reals& expected, double tolerance) {
  const Guarded guarded;
  const NoGradGuard no_grad;
  const std::vector<Tensor> inputs =
      upload(backend, row.inputs, std::vector<bool>(row.inputs.size()));
  const Tensor y = row.bind(backend, inputs)();
  EXPECT_LE(relative_error(y.to_host(), expected), tolerance);
  EXPECT_TRUE(y.storage().guards_intact());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_TRUE(inputs[i].storage().guards_intact()) << row.inputs[i].name;
    EXPECT_EQ(inputs[i].to_host(), row.inputs[i].values) << row.inputs[i].name << " was changed";
  }
}

TEST_P(OpParity, ForwardMatchesFloat64AndStaysInsideItsBuffers) {
  for (const OpCase* row : op_cases_of(GetParam())) {
    SCOPED_TRACE(row->title());
    const Reals expected = row->reference(as_reals(row->inputs));
    for (Backend* backend : test_backends()) {
      for (const MathMode math : precisions_of(*backend)) {
        const PrecisionScope scope(*backend, math);
        SCOPED_TRACE(backend->description());
        const std::int64_t damaged = Storage::guard_violations();
        expect_forward(*backend, *row, expected, output_tolerance(*row, math));
        EXPECT_EQ(Storage::guard_violations(), damaged);
      }
    }
  }
}

TEST_P(OpParity, BackwardStaysInsideItsBuffers) {
  for (const OpCase* row : op_cases_of(GetParam())) {
    SCOPED_TRACE(row->title());
    for (Backend* backend : test_backends()) {
      const std::int64_t damaged = Storage::guard_violations();
      {
        const Guarded guarded;
        const std::vector<Tensor> inputs = upload(*backend, row->inputs, trains_of(*row));
        const Tensor y = row->bind(*backend, inputs)();
        if (!y.requires_grad()) continue;
        const CaseInput c = case_input(row->title(), "cotangent", y.shape());
        backward({{y, Tensor::from_host(*backend, c.shape, c.values)}});
        for (const Tensor& t : inputs) {
          EXPECT_TRUE(!t.grad().defined() || t.grad().storage().guards_intact());
        }
      }
      EXPECT_EQ(Storage::guard_violations(), damaged);
    }
  }
}

TEST_P(OpParity, EqualInputsGiveEqualBits) {
  for (const OpCase* row : op_cases_of(GetParam())) {
    SCOPED_TRACE(row->title());
    for (Backend* backend : test_backends()) {
      const auto run = row->bind(*backend, upload(*backend, row->inputs, trains_of(*row)));
      EXPECT_EQ(run().to_host(), run().to_host());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, OpParity, testing::ValuesIn(op_case_names()),
                         [](const auto& info) { return info.param; });

TEST(OpTable, HoldsARowForEveryPublicOp) {
  const std::string beginning = "\nTensor ";
  std::set<std::string> declared;
  for (const std::string header : {"ops.h", "policy_ops.h"}) {
    const std::string text = read_text(source_path("engine/" + header));
    ASSERT_FALSE(text.empty()) << header;
    const std::size_t before = declared.size();
    for (std::size_t at = text.find(beginning); at != std::string::npos;
         at = text.find(beginning, at)) {
      at += beginning.size();
      declared.insert(text.substr(at, text.find('(', at) - at));
    }
    EXPECT_GE(declared.size(), before + 4) << "engine/" << header << " is not read as expected";
  }
  const std::vector<std::string> names = op_case_names();
  EXPECT_EQ(declared, std::set<std::string>(names.begin(), names.end()));
}

TEST(OpTable, ARequiredGpuIsTestedInEveryPrecision) {
  for (const BackendStatus& status : available_backends()) {
    const std::size_t expected = status.device == "cpu" ? 1 : 3;
    if (status.backend != nullptr) {
      EXPECT_EQ(precisions_of(*status.backend).size(), expected) << status.device;
    }
  }
}

TEST(OpTable, TitlesAreUnique) {
  std::set<std::string> titles;
  for (const OpCase& row : op_cases())
    EXPECT_TRUE(titles.insert(row.title()).second) << row.title();
}

TEST(OpTable, ReferencesTellAWrongResultFromARightOne) {
  // The error measure itself: one element off by one part in a thousand is seen.
  const Reals truth{1.0, -2.0, 3.0};
  EXPECT_EQ(relative_error(truth, truth), 0.0);
  EXPECT_GT(relative_error(Reals{1.0, -2.0, 3.003}, truth), 5e-4);
  EXPECT_EQ(relative_error(Reals{1.0, -2.0}, truth), INFINITY);
  EXPECT_EQ(relative_error(Reals{1.0, -2.0, NAN}, truth), INFINITY);
}

}  // namespace
}  // namespace frost
