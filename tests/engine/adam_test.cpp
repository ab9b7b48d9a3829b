#include "engine/optim/adam.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "engine/ops.h"
#include "tests/engine/errors.h"
#include "tests/golden/closed_form.h"
#include "tests/golden_files.h"
#include "tests/op_table/op_cases.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

NamedTensor parameter(const std::string& name, const Shape& shape,
                      const std::vector<float>& values) {
  Tensor t = Tensor::from_host(*test_backends().front(), shape, values, MemoryTag::kParameters);
  t.set_requires_grad(true);
  return {name, t};
}

NamedTensor parameter(const std::string& name, const std::vector<float>& values) {
  return parameter(name, {static_cast<std::int64_t>(values.size())}, values);
}

/// Adds `values` to the gradient of a leaf, through the tape.
void add_gradient(const Tensor& t, const std::vector<float>& values) {
  const Tensor y = add(t, Tensor::zeros(t.backend(), t.shape()));
  backward({{y, Tensor::from_host(t.backend(), t.shape(), values)}});
}

/// The four tensors of the golden file, with their two learning rates.
struct Golden {
  std::vector<NamedTensor> tensors;
  std::vector<ParamGroup> groups;

  Golden() {
    const std::map<std::string, Shape> shapes = {
        {"p0", {5}}, {"p1", {3, 4}}, {"p2", {7}}, {"late", {6}}};
    for (const char* name : {"p0", "p1", "p2", "late"}) {
      const Shape& shape = shapes.at(name);
      tensors.push_back(parameter(name, shape,
                                  closed_form_values(std::string("adam.") + name,
                                                     static_cast<std::size_t>(numel(shape)), 1.0)));
    }
    groups = {{"fast", 1e-2, {tensors[0], tensors[1]}}, {"slow", 3e-3, {tensors[2], tensors[3]}}};
  }

  void step(Adam& adam, int k) const {
    adam.zero_grad();
    for (const NamedTensor& p : tensors) {
      if (p.name == "late" && k < 3) continue;
      const std::string name = fmt::format("adam.grad.{}.{}", p.name, k);
      add_gradient(p.tensor,
                   closed_form_values(name, static_cast<std::size_t>(p.tensor.numel()), 2.0));
    }
    adam.step(1.0);
  }
};

/// A tensor of the golden file.
Reals expected(const std::string& name) {
  static const StateDict golden = read_safetensors(golden_path("adam.safetensors")).tensors;
  return as_reals(golden.at(name).to_floats(name));
}

TEST(Adam, FollowsTheGoldenTrajectoryOfAdamW) {
  Golden run;
  run.groups[1].weight_decay = 0.2;
  Adam adam(run.groups, {.weight_decay = 0.5});
  for (int k = 1; k <= 5; ++k) {
    run.step(adam, k);
    for (const NamedTensor& p : run.tensors) {
      const std::string name = fmt::format("decayed.step{}.{}", k, p.name);
      EXPECT_LE(relative_error(p.tensor.to_host(), expected(name)), 1e-6) << name;
    }
  }
}

TEST(Adam, FollowsTheGoldenTrajectoryWithOneStepCounterPerTensor) {
  const Golden run;
  Adam adam(run.groups);
  for (int k = 1; k <= 5; ++k) {
    run.step(adam, k);
    for (const NamedTensor& p : run.tensors) {
      const std::string name = fmt::format("step{}.{}", k, p.name);
      EXPECT_LE(relative_error(p.tensor.to_host(), expected(name)), 1e-6) << name;
    }
  }
  StateDict state;
  adam.save(state);
  for (const NamedTensor& p : run.tensors) {
    const std::string key = "adam." + p.name;
    EXPECT_LE(
        relative_error(state.at(key + ".first").to_floats(key), expected("exp_avg." + p.name)),
        1e-6);
    EXPECT_LE(
        relative_error(state.at(key + ".second").to_floats(key), expected("exp_avg_sq." + p.name)),
        1e-6);
    EXPECT_EQ(state.at(key + ".step").to_int64(key).front(), p.name == "late" ? 3 : 5);
  }
}

TEST(Adam, ATensorUnfrozenLateTakesAFirstStepOfOneLearningRate) {
  const NamedTensor early = parameter("early", {1.0f}), late = parameter("late", {1.0f});
  Adam adam({{"all", 0.01, {early, late}}});
  for (int k = 0; k < 50; ++k) {
    adam.zero_grad();
    add_gradient(early.tensor, {0.5f});
    adam.step(1.0);
  }
  EXPECT_EQ(late.tensor.to_host().front(), 1.0f) << "no gradient, no step";
  adam.zero_grad();
  add_gradient(late.tensor, {0.5f});
  adam.step(1.0);
  EXPECT_NEAR(late.tensor.to_host().front(), 0.99f, 1e-6);
}

TEST(Adam, LearningRatesScaleWithTheScheduleFactor) {
  const NamedTensor full = parameter("full", {0.0f}), half = parameter("half", {0.0f});
  Adam first({{"a", 0.1, {full}}}), second({{"a", 0.1, {half}}});
  add_gradient(full.tensor, {3.0f});
  add_gradient(half.tensor, {3.0f});
  first.step(1.0);
  second.step(0.5);
  EXPECT_NEAR(full.tensor.to_host().front(), -0.1, 1e-6);
  EXPECT_NEAR(half.tensor.to_host().front(), -0.05, 1e-6);
}

TEST(Adam, AStepBumpsTheVersionSoThatFoldedWeightsAreRenewed) {
  const NamedTensor p = parameter("p", {1.0f}), idle = parameter("idle", {1.0f});
  Adam adam({{"all", 0.01, {p, idle}}});
  const auto version = p.tensor.storage().version(), idle_version = idle.tensor.storage().version();
  add_gradient(p.tensor, {1.0f});
  adam.step(1.0);
  EXPECT_GT(p.tensor.storage().version(), version);
  EXPECT_EQ(idle.tensor.storage().version(), idle_version);
}

TEST(Adam, GradientsAndMomentsTakeExactlyFourAndEightBytesPerParameter) {
  Backend& backend = *test_backends().front();
  const auto live = [&](MemoryTag tag) { return backend.ledger().snapshot().live_of(tag); };
  const std::int64_t gradients = live(MemoryTag::kGradients), moments = live(MemoryTag::kOptimizer);
  {
    const Golden run;
    Adam adam(run.groups);
    EXPECT_EQ(adam.parameter_count(), 30);
    EXPECT_EQ(live(MemoryTag::kGradients) - gradients, 4 * 30);
    EXPECT_EQ(live(MemoryTag::kOptimizer) - moments, 8 * 30);
    run.step(adam, 1);
    adam.zero_grad();
    EXPECT_EQ(live(MemoryTag::kGradients) - gradients, 4 * 30) << "zero_grad keeps the buffers";
    EXPECT_FALSE(run.tensors[0].tensor.grad().defined());
  }
  EXPECT_EQ(live(MemoryTag::kGradients), gradients);
  EXPECT_EQ(live(MemoryTag::kOptimizer), moments);
}

TEST(Adam, NormsAreOfEachGroupBeforeClipping) {
  const NamedTensor a = parameter("a", {0, 0}), b = parameter("b", {0}), c = parameter("c", {0});
  Adam adam({{"first", 0.1, {a, b}}, {"second", 0.1, {c}}});
  add_gradient(a.tensor, {2.0f, 1.0f});
  add_gradient(b.tensor, {2.0f});
  add_gradient(c.tensor, {4.0f});
  const std::vector<double> norms = adam.grad_norms();
  ASSERT_EQ(norms.size(), 2U);
  EXPECT_DOUBLE_EQ(norms[0], 3.0);
  EXPECT_DOUBLE_EQ(norms[1], 4.0);
  EXPECT_DOUBLE_EQ(joint_norm(norms), 5.0);
  EXPECT_EQ(adam.step(1.0, 0.5), norms);
}

/// The first moment after one step is (1 - beta1) times the gradient that was used.
std::vector<float> first_moment(const Adam& adam, const std::string& name) {
  StateDict state;
  adam.save(state);
  return state.at("adam." + name + ".first").to_floats(name);
}

TEST(Adam, ClippingScalesTheJointNorm) {
  const NamedTensor a = parameter("a", {0, 0}), b = parameter("b", {0});
  Adam adam({{"first", 0.1, {a}}, {"second", 0.1, {b}}});
  add_gradient(a.tensor, {2.4f, 1.8f});
  add_gradient(b.tensor, {4.0f});
  adam.step(1.0, 0.5);
  EXPECT_NEAR(first_moment(adam, "a")[0], 0.1 * 0.24, 1e-7);
  EXPECT_NEAR(first_moment(adam, "a")[1], 0.1 * 0.18, 1e-7);
  EXPECT_NEAR(first_moment(adam, "b")[0], 0.1 * 0.40, 1e-7);
}

TEST(Adam, ClippingLeavesSmallGradientsBitIdentical) {
  const NamedTensor a = parameter("a", {0, 0}), b = parameter("b", {0, 0});
  Adam clipped({{"all", 0.1, {a}}}), plain({{"all", 0.1, {b}}});
  add_gradient(a.tensor, {0.3f, 0.4f});
  add_gradient(b.tensor, {0.3f, 0.4f});
  clipped.step(1.0, 0.6);
  plain.step(1.0);
  EXPECT_EQ(first_moment(clipped, "a"), first_moment(plain, "b"));
  EXPECT_EQ(a.tensor.to_host(), b.tensor.to_host());
}

TEST(Adam, ANonFiniteGradientIsNamed) {
  for (const float bad : {INFINITY, -INFINITY, NAN}) {
    const NamedTensor good = parameter("actor.trunk.0.bias", {0});
    const NamedTensor broken = parameter("actor.body.layer4.1.bn2.weight", {0, 0});
    Adam adam({{"all", 0.1, {good, broken}}});
    add_gradient(good.tensor, {1.0f});
    add_gradient(broken.tensor, {1.0f, bad});
    const std::string named =
        "[adam] the gradient of 'actor.body.layer4.1.bn2.weight' in group 'all' is not finite";
    EXPECT_EQ(error_of([&] { adam.grad_norms(); }), named);
    EXPECT_EQ(error_of([&] { adam.step(1.0, 0.5); }), named);
    EXPECT_EQ(good.tensor.to_host().front(), 0.0f) << "nothing has moved";
    EXPECT_EQ(first_moment(adam, good.name).front(), 0.0f);
  }
}

TEST(Adam, RefusesDuplicatesFrozenTensorsAndNothingToTrain) {
  const NamedTensor p = parameter("p", {1.0f});
  EXPECT_EQ(error_of([&] {
              Adam({{"a", 0.1, {p}}, {"b", 0.1, {p}}});
            }),
            "[adam] tensor 'p' is in two groups");
  NamedTensor frozen = parameter("frozen", {1.0f});
  frozen.tensor.set_requires_grad(false);
  EXPECT_EQ(error_of([&] {
              Adam({{"a", 0.1, {frozen}}});
            }),
            "[adam] tensor 'frozen' does not train");
  EXPECT_EQ(error_of([&] {
              Adam({{"a", 0.1, {}}});
            }),
            "No trainable parameters found: every tensor is frozen");
}

TEST(Adam, TakesOneFactorForEachGroup) {
  const NamedTensor p = parameter("p", {1.0f}), q = parameter("q", {1.0f});
  Adam adam({{"a", 0.1, {p}}, {"b", 0.1, {q}}});
  add_gradient(p.tensor, {1.0f});
  for (const std::vector<double>& factors : {std::vector<double>{1.0}, {1.0, 1.0, 1.0}}) {
    EXPECT_EQ(error_of([&] { adam.step(factors); }),
              fmt::format("[adam] {} learning-rate factors for 2 groups; give one for each",
                          factors.size()));
  }
  EXPECT_EQ(p.tensor.to_host().front(), 1.0f);
}

TEST(Adam, WeightDecayIsTakenFromTheValueWhateverTheGradient) {
  const NamedTensor all = parameter("all", {2.0f}), none = parameter("none", {2.0f});
  Adam adam({{"a", 0.1, {all}}, {"b", 0.1, {none}, 0.0}}, {.weight_decay = 0.5});
  add_gradient(all.tensor, {0.0f});
  add_gradient(none.tensor, {0.0f});
  adam.step(0.5);
  EXPECT_NEAR(all.tensor.to_host().front(), 2.0 * (1 - 0.1 * 0.5 * 0.5), 1e-6);
  EXPECT_EQ(none.tensor.to_host().front(), 2.0f) << "the group's own, zero, comes first";
  EXPECT_EQ(error_of([&] {
              Adam({{"a", 0.1, {all}, -0.5}});
            }),
            "[adam] negative weight decay in 'a'");
}

TEST(Adam, EmptyGroupsAreDropped) {
  const Adam adam({{"backbone", 0.1, {}}, {"heads", 0.2, {parameter("p", {1.0f})}}});
  ASSERT_EQ(adam.groups().size(), 1U);
  EXPECT_EQ(adam.groups().front().name, "heads");
}

TEST(Adam, ARestoredStateContinuesBitForBit) {
  const Golden whole, halves;
  Adam reference(whole.groups), first(halves.groups);
  for (int k = 1; k <= 3; ++k) {
    whole.step(reference, k);
    halves.step(first, k);
  }
  StateDict state;
  first.save(state);
  Adam second(halves.groups);
  second.load(state);
  for (int k = 4; k <= 5; ++k) {
    whole.step(reference, k);
    halves.step(second, k);
  }
  for (std::size_t i = 0; i < whole.tensors.size(); ++i) {
    EXPECT_EQ(whole.tensors[i].tensor.to_host(), halves.tensors[i].tensor.to_host());
  }
}

TEST(Adam, LoadRefusesMomentsOfATensorThatIsNotHere) {
  const NamedTensor p = parameter("p", {1.0f}), q = parameter("q", {1.0f});
  StateDict state;
  Adam({{"all", 0.1, {p, q}}}).save(state);
  state["adamant"] = HostTensor::from_floats({1}, {0});
  Adam smaller({{"all", 0.1, {p}}});
  EXPECT_EQ(error_of([&] { smaller.load(state); }),
            "checkpoint holds 'adam.q.first', of a tensor that the optimizer does not have");
}

TEST(Adam, ALoadThatFailsChangesNothing) {
  const NamedTensor p = parameter("p", {1.0f}), q = parameter("q", {1.0f});
  Adam adam({{"all", 0.1, {p, q}}});
  StateDict before;
  adam.save(before);
  StateDict damaged = before;
  damaged["adam.p.first"] = HostTensor::from_floats({1}, {7});
  for (const std::int64_t steps : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()}) {
    damaged["adam.q.step"] = HostTensor::from_int64({}, {steps});
    EXPECT_EQ(error_of([&] { adam.load(damaged); }),
              "checkpoint tensor 'adam.q.step' is damaged: " + std::to_string(steps) +
                  " steps, in group 'all'");
  }
  StateDict after;
  adam.save(after);
  EXPECT_EQ(after.at("adam.p.first").to_floats(""), before.at("adam.p.first").to_floats(""));
}

TEST(Adam, LoadRefusesMomentsThatNoStepLeaves) {
  const NamedTensor p = parameter("p", {1.0f, 2.0f});
  Adam adam({{"heads", 0.1, {p}}});
  StateDict sound;
  adam.save(sound);
  const std::vector<std::pair<std::string, float>> damages = {
      {"first", NAN}, {"first", -INFINITY}, {"second", NAN}, {"second", INFINITY}, {"second", -1}};
  for (const auto& [part, bad] : damages) {
    StateDict damaged = sound;
    damaged["adam.p." + part] = HostTensor::from_floats({2}, {0, bad});
    EXPECT_EQ(error_of([&] { adam.load(damaged); }),
              fmt::format("checkpoint tensor 'adam.p.{}' is damaged: element 1 is {}, in group "
                          "'heads'",
                          part, bad));
  }
  sound["adam.p.first"] = HostTensor::from_floats({2}, {-1, 1});
  adam.load(sound);
  EXPECT_EQ(first_moment(adam, "p"), (std::vector<float>{-1, 1}));
}

TEST(Adam, RatesAndClippingThatCannotBeAreRefused) {
  const NamedTensor p = parameter("p", {1.0f});
  Adam adam({{"heads", 0.1, {p}}});
  add_gradient(p.tensor, {1.0f});
  for (const double factor : {double{NAN}, HUGE_VAL}) {
    EXPECT_EQ(error_of([&] { adam.step(factor); }),
              "[adam] the learning rate of group 'heads' is not finite");
  }
  for (const double norm : {double{NAN}, 0.0, -1.0}) {
    EXPECT_EQ(error_of([&] { adam.step(1.0, norm); }),
              "[adam] the norm to clip to is not positive");
  }
  EXPECT_EQ(p.tensor.to_host().front(), 1.0f);
}

TEST(Adam, GroupsThatAreRefusedLeaveTheOldOnes) {
  const NamedTensor p = parameter("p", {1.0f});
  Adam adam({{"all", 0.1, {p}}});
  EXPECT_NE(error_of([&] { adam.set_groups({{"a", 0.1, {p}}, {"b", 0.1, {p}}}); }), "");
  ASSERT_EQ(adam.groups().size(), 1u);
  EXPECT_EQ(adam.groups()[0].name, "all");
  EXPECT_EQ(adam.grad_norms().size(), 1u);
}

TEST(Adam, LoadNamesWhatIsMissingOrMisshapen) {
  const NamedTensor p = parameter("p", {1.0f, 2.0f});
  Adam adam({{"all", 0.1, {p}}});
  StateDict state;
  EXPECT_EQ(error_of([&] { adam.load(state); }), "checkpoint holds no tensor 'adam.p.first'");
  adam.save(state);
  state["adam.p.second"] = HostTensor::from_floats({3}, {0, 0, 0});
  EXPECT_EQ(error_of([&] { adam.load(state); }),
            "checkpoint tensor 'adam.p.second' is [3], expected [2]");
}

TEST(Adam, TakesSumsOfGradientsOfSeveralPassesAndLeavesAloneWhatHadNone) {
  const std::vector<NamedTensor> p = {parameter("a", {1, 2}), parameter("b", {3}),
                                      parameter("c", {4})};
  Adam adam({{"one", 1e-2, {p[0], p[2]}}, {"two", 1e-2, {p[1]}}});
  adam.zero_grad();
  add_gradient(p[0].tensor, {1, 2});
  std::vector<float> sum = adam.gradients();
  EXPECT_EQ(sum, (std::vector<float>{1, 2, 0, 0, 1, 0, 0}));
  adam.zero_grad();
  add_gradient(p[0].tensor, {3, 4});
  add_gradient(p[1].tensor, {-5});
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += adam.gradients()[i];
  adam.set_gradients(sum);
  EXPECT_EQ(p[0].tensor.grad().to_host(), (std::vector<float>{4, 6}));
  EXPECT_EQ(p[1].tensor.grad().to_host(), std::vector<float>{-5});
  EXPECT_FALSE(p[2].tensor.grad().defined());
  adam.step(1.0);
  EXPECT_EQ(p[2].tensor.to_host()[0], 4);
  EXPECT_NE(p[1].tensor.to_host(), std::vector<float>{3});
  sum.pop_back();
  EXPECT_THROW(adam.set_gradients(sum), Error);
}

}  // namespace
}  // namespace frost
