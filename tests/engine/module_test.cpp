#include "engine/module.h"

#include <gtest/gtest.h>

#include "engine/layers/layers.h"
#include "tests/engine/errors.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

/// Two layers and a buffer.
struct Small : Module {
  explicit Small(Backend& backend, std::int64_t hidden = 4)
      : first(backend, 3, hidden), second(backend, hidden, 2) {
    register_module("first", first);
    register_module("second", second);
    register_buffer("mean", mean);
  }
  Linear first, second;
  Tensor mean = Tensor::zeros(*test_backends().front(), {3}, MemoryTag::kParameters);
};

class StateDicts : public testing::Test {
 protected:
  StateDicts() {
    RandomStream random(3, StreamPurpose::kInit);
    initialize_linear(saved_.first, random);
    initialize_linear(saved_.second, random);
    saved_.mean.copy_from_host(std::vector<float>{1, 2, 3});
  }

  Backend& backend_ = *test_backends().front();
  Small saved_{backend_}, loaded_{backend_};
};

TEST_F(StateDicts, HoldEveryParameterAndBufferUnderItsFullName) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : saved_.state_dict("net.")) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"net.first.bias", "net.first.weight", "net.mean",
                                             "net.second.bias", "net.second.weight"}));
  EXPECT_EQ(saved_.state_dict().at("first.weight").shape, (Shape{4, 3}));
}

TEST_F(StateDicts, AreLoadedBitForBit) {
  loaded_.load_state_dict(saved_.state_dict());
  EXPECT_EQ(loaded_.first.weight.to_host(), saved_.first.weight.to_host());
  EXPECT_EQ(loaded_.second.bias.to_host(), saved_.second.bias.to_host());
  EXPECT_EQ(loaded_.mean.to_host(), (std::vector<float>{1, 2, 3}));
}

TEST_F(StateDicts, NameWhatIsMissingSuperfluousAndMisshapenAndChangeNothing) {
  StateDict state = saved_.state_dict();
  state.erase("mean");
  state["third.weight"] = HostTensor::from_floats({1}, {0});
  state["second.bias"] = HostTensor::from_floats({3}, {0, 0, 0});
  EXPECT_EQ(error_of([&] { loaded_.load_state_dict(state); }),
            "[load_state_dict] the tensors are not this network's; 1 missing: 'mean'; 1 "
            "superfluous: 'third.weight'; 1 misshapen: 'second.bias' is [3], expected [2]");
  EXPECT_EQ(loaded_.first.weight.to_host(), std::vector<float>(12)) << "nothing is loaded";
}

TEST_F(StateDicts, ASmallerNetworkDoesNotTakeALargerOnesTensors) {
  Linear alone(backend_, 3, 4);
  EXPECT_EQ(
      error_of([&] { alone.load_state_dict(saved_.first.state_dict("a."), true, "b."); }),
      "[load_state_dict] the tensors are not this network's; 2 missing: 'b.weight', 'b.bias'");
  StateDict state = saved_.first.state_dict("first.");
  state.merge(saved_.second.state_dict("first.deeper."));
  state.merge(saved_.second.state_dict("firstly."));  // of somebody else
  EXPECT_EQ(error_of([&] { alone.load_state_dict(state, true, "first."); }),
            "[load_state_dict] the tensors are not this network's; 2 superfluous: "
            "'first.deeper.bias', 'first.deeper.weight'");
}

TEST_F(StateDicts, LongListsOfComplaintsAreCut) {
  EXPECT_EQ(error_of([&] { loaded_.load_state_dict({}); }),
            "[load_state_dict] the tensors are not this network's; 5 missing: 'first.weight', "
            "'first.bias', 'second.weight', 'second.bias', ...");
}

TEST_F(StateDicts, NotStrictTakesWhatFits) {
  StateDict state = saved_.state_dict();
  state.erase("mean");
  state["third.weight"] = HostTensor::from_floats({1}, {0});
  loaded_.load_state_dict(state, false);
  EXPECT_EQ(loaded_.first.weight.to_host(), saved_.first.weight.to_host());
  EXPECT_EQ(loaded_.mean.to_host(), std::vector<float>(3));
  Small wide(backend_, 5);
  EXPECT_NE(error_of([&] { wide.load_state_dict(state, false); }).find("3 misshapen"),
            std::string::npos);
}

}  // namespace
}  // namespace frost
