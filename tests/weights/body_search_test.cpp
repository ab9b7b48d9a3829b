#include "weights/matching/body_search.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "tests/weights/weight_file_helpers.h"
#include "weights/matching/body_choice.h"
#include "weights/matching/head_search.h"
#include "weights/resnet_names.h"

// Names and shapes alone: no tensor here has values.
namespace frost {
namespace {

using Rename = std::function<std::string(const std::string&)>;

StateDict renamed(int depth, const Rename& rename) {
  StateDict state;
  for (const TensorSpec& spec : resnet_tensors(depth)) {
    if (spec.stage() != "fc") state[rename(spec.name)].shape = spec.shape;
  }
  return state;
}

StateDict below(const std::string& prefix, int depth = 18) {
  return renamed(depth, [&](const std::string& name) { return prefix + name; });
}

StateDict with(StateDict state, const std::string& name, std::vector<std::int64_t> shape) {
  state[name].shape = std::move(shape);
  return state;
}

BodySearch search(const StateDict& state) {
  return find_bodies(list_modules(state));
}

/// Whether the one body in `state` is that of the depth, each tensor renamed from torchvision's.
testing::AssertionResult maps(const StateDict& state, int depth, const Rename& rename) {
  const BodySearch result = search(state);
  if (result.found.size() != 1) {
    return testing::AssertionFailure()
           << result.found.size() << " bodies; " << result.nearest.fault;
  }
  if (result.found[0].depth != depth) {
    return testing::AssertionFailure() << "depth " << result.found[0].depth;
  }
  for (const auto& [theirs, ours] : result.found[0].names) {
    if (theirs != rename(ours)) return testing::AssertionFailure() << ours << " <- " << theirs;
  }
  return testing::AssertionSuccess();
}

/// Replaces every `from` by `to`, in order.
Rename by(std::vector<std::pair<std::string, std::string>> pairs) {
  return [pairs](std::string name) {
    for (const auto& [from, to] : pairs) {
      if (const auto at = name.find(from); at != name.npos) name.replace(at, from.size(), to);
    }
    return name;
  };
}

std::string hugging_face(const std::string& name) {
  static const std::map<std::string, std::string> kLeaves = {
      {"conv1", "layer.0.convolution"},         {"bn1", "layer.0.normalization"},
      {"conv2", "layer.1.convolution"},         {"bn2", "layer.1.normalization"},
      {"conv3", "layer.2.convolution"},         {"bn3", "layer.2.normalization"},
      {"downsample.0", "shortcut.convolution"}, {"downsample.1", "shortcut.normalization"}};
  const std::string part = name.substr(name.rfind('.'));
  const std::string path = name.substr(0, name.rfind('.'));
  if (path == "conv1") return "resnet.embedder.embedder.convolution" + part;
  if (path == "bn1") return "resnet.embedder.embedder.normalization" + part;
  const std::size_t block = path.find('.') + 1, leaf = path.find('.', block) + 1;
  return fmt::format("resnet.encoder.stages.{}.layers.{}.{}{}", path[5] - '1',
                     path.substr(block, leaf - 1 - block), kLeaves.at(path.substr(leaf)), part);
}

const Rename kNumbered = [](const std::string& name) {
  static const std::map<std::string, std::string> kNumbers = {{"conv1", "0"},  {"bn1", "1"},
                                                              {"layer1", "4"}, {"layer2", "5"},
                                                              {"layer3", "6"}, {"layer4", "7"}};
  const std::size_t dot = name.find('.');
  return kNumbers.at(name.substr(0, dot)) + name.substr(dot);
};

/// detectron2's: the norm lies in its convolution, the stem after the stages, the shortcut apart.
const Rename kNormInside = [](const std::string& name) {
  std::string out = by({{"layer1", "res2"},
                        {"layer2", "res3"},
                        {"layer3", "res4"},
                        {"layer4", "res5"},
                        {"downsample.0", "shortcut"},
                        {"downsample.1", "shortcut.norm"}})(name);
  if (out.starts_with("conv1") || out.starts_with("bn1")) out = "stem." + out;
  return by({{"bn1", "conv1.norm"}, {"bn2", "conv2.norm"}, {"bn3", "conv3.norm"}})(out);
};

TEST(BodySearch, NamesDoNotMatterWhereTheStructureIsThatOfABody) {
  const Rename as_it_is = by({});
  const Rename deep = by({{"", "r3m.module.convnet."}});
  const Rename shortcut_first = by({{"downsample.0", "branch1"},
                                    {"downsample.1", "bn_branch1"},
                                    {"bn1", "bn_branch2a"},
                                    {"bn2", "bn_branch2b"},
                                    {"bn3", "bn_branch2c"},
                                    {"conv2", "branch2b"},
                                    {"conv3", "branch2c"}});
  for (const int depth : {18, 34, 50}) {
    for (const Rename& rename : {as_it_is, deep, Rename(hugging_face), kNumbered, kNormInside}) {
      EXPECT_TRUE(maps(renamed(depth, rename), depth, rename)) << depth << rename("bn1.weight");
    }
    const Rename first = [&](const std::string& name) {
      return name.starts_with("layer") ? by({{"conv1", "branch2a"}})(shortcut_first(name)) : name;
    };
    EXPECT_TRUE(maps(renamed(depth, first), depth, first)) << depth;
  }
}

TEST(BodySearch, NumbersAreOrderedAsNumbers) {
  EXPECT_TRUE(natural_less("layer.2", "layer.10"));
  EXPECT_TRUE(natural_less("a.1.x", "a1.0"));
  EXPECT_TRUE(natural_less("a", "a.0"));
  EXPECT_TRUE(natural_less("a01", "a2"));
  EXPECT_FALSE(natural_less("a2", "a2"));
}

TEST(BodySearch, WhatLiesBesideABodyIsNoPartOfIt) {
  for (const char* name : {"decoder.weight", "a.weight", "layer5.weight", "conv0.weight"}) {
    EXPECT_EQ(search(with(below(""), name, {64, 64, 3, 3})).found.size(), 1u) << name;
  }
  StateDict state = renamed(18, kNumbered);
  state["9.weight"].shape = {10, 512};
  EXPECT_EQ(search(state).found.size(), 1u);
}

TEST(BodySearch, RelativesOfTheNetworkAreNotTakenForIt) {
  const auto none = [](const StateDict& state) { return search(state).found.empty(); };
  EXPECT_TRUE(none({}));
  EXPECT_TRUE(none(with(below(""), "layer4.2.conv1.weight", {512, 512, 3, 3})));
  EXPECT_TRUE(none(with(below(""), "layer1.0.se.fc.weight", {4, 64})));
  EXPECT_TRUE(none(with(below(""), "layer1.0.conv1.bias", {64})));
  EXPECT_TRUE(none(with(below(""), "conv1.weight", {64, 4, 7, 7})));
  EXPECT_TRUE(none(with(below(""), "layer3.0.bn1.scale", {256})));
  StateDict wide = below("", 50);
  for (auto& [name, tensor] : wide) {
    if (name.ends_with("conv2.weight")) tensor.shape = {128, 128, 3, 3};
  }
  EXPECT_TRUE(none(wide));
  // ResNet101 begins as 50 does; its blocks as children of one list, and flat.
  for (const char* list : {"layer3.", "blocks.c"}) {
    StateDict deeper = renamed(50, by({{"layer3.", list}}));
    for (int block = 6; block < 23; ++block) {
      for (auto& [name, tensor] : StateDict(deeper)) {
        const std::string last = std::string(list) + "5.";
        if (!name.starts_with(last)) continue;
        deeper[fmt::format("{}{}.{}", list, block, name.substr(last.size()))] = tensor;
      }
    }
    EXPECT_TRUE(none(deeper)) << list;
  }
}

TEST(BodySearch, ANearMissSaysWhereItEnded) {
  StateDict state = renamed(18, kNumbered);
  state["6.0.conv2.weight"].shape = {256, 256, 1, 1};
  const NearMiss miss = search(state).nearest;
  EXPECT_EQ(miss.depth, 18);
  EXPECT_EQ(miss.matched, 11u);
  EXPECT_NE(miss.fault.find("(as layer3.0.conv2) has shape [256, 256, 1, 1]"), std::string::npos)
      << miss.fault;
}

TEST(BodyChoice, TheTrainedOneIsTakenOverItsFollowers) {
  for (const char* follower : {"encoder_k.", "momentum_encoder.", "target.net.", "teacher.",
                               "state_dict_ema.", "ema_model."}) {
    StateDict state = below("zz.encoder.");
    state.merge(below(follower));
    const auto choice = choose_body(search(state).found, "", state);
    ASSERT_TRUE(choice) << follower;
    EXPECT_EQ(choice->body.path, "zz.encoder") << follower;
    EXPECT_EQ(choice->notes.size(), 1u);
    EXPECT_EQ(choose_body(search(state).found, follower, state)->body.path + ".", follower);
    const StateDict alone = below(follower);
    EXPECT_TRUE(choose_body(search(alone).found, "", alone)) << follower;
  }
}

TEST(BodyChoice, ATwinMakesTheTrainingSelfSupervisedAlsoWhereThePlaceIsNamed) {
  StateDict state = below("encoder_q.");
  EXPECT_FALSE(choose_body(search(state).found, "encoder_q", state)->self_supervised);
  state.merge(below("encoder_k."));
  for (const char* prefix : {"", "encoder_q", "encoder_k"}) {
    EXPECT_TRUE(choose_body(search(state).found, prefix, state)->self_supervised) << prefix;
  }
}

TEST(BodyChoice, OfSeveralDifferentBodiesOneMustBeNamed) {
  StateDict state = below("left.");
  state.merge(below("right."));
  EXPECT_EQ(choose_body(search(state).found, "", state)->body.path, "left");  // equal, all empty
  state["right.bn1.bias"].bytes = std::vector<std::byte>(4);
  const auto found = search(state).found;
  EXPECT_TRUE(test::refuses([&] { choose_body(found, "", state); },
                            "'left.', 'right.': import it with "
                            "import_weights --prefix PLACE"));
  EXPECT_EQ(choose_body(found, "right", state)->body.path, "right");
  EXPECT_TRUE(test::refuses([&] { choose_body(found, "up", state); }, "no complete body lies"));
  EXPECT_FALSE(choose_body({}, "up", state));
}

std::string head_of(StateDict state, const std::string& body, bool self_supervised = false) {
  return find_head(list_modules(state), body, 512, self_supervised).path;
}

StateDict linear(StateDict state, const std::string& path, std::int64_t out,
                 std::int64_t in = 512) {
  state[path + ".weight"].shape = {out, in};
  state[path + ".bias"].shape = {out};
  return state;
}

TEST(HeadSearch, AHeadIsFoundWhereverItBelongs) {
  for (const char* path : {"net.fc", "net.head.fc", "net.classifier.1", "classifier", "fc", "net.9",
                           "cls_head.fc_cls"}) {
    EXPECT_EQ(head_of(linear(below("net."), path, 7), "net"), path);
  }
  EXPECT_EQ(head_of(linear(linear(below("net."), "net.fc", 7), "net.head", 9), "net"), "net.fc");
  EXPECT_EQ(head_of(linear(linear(below("net."), "net.fc", 7), "fc", 9), "net"), "net.fc");
}

TEST(HeadSearch, WhatIsNoClassifierIsLeft) {
  EXPECT_EQ(head_of(linear(below("net."), "projector.0", 512), "net"), "");
  EXPECT_EQ(head_of(linear(below("net."), "net.fc", 7, 1024), "net"), "");
  EXPECT_EQ(head_of(linear(linear(below("net."), "net.fc.0", 512), "net.fc.2", 128), "net"), "");
  EXPECT_EQ(head_of(linear(linear(below("0."), "1", 256), "3", 7, 256), "0"), "");
  EXPECT_EQ(head_of(with(below("net."), "net.fc.weight", {7, 512}), "net"), "");
  EXPECT_EQ(head_of(linear(below("net."), "net.fc", 128), "net", true), "");
  EXPECT_EQ(head_of(linear(below("net."), "net.fc", 1000), "net", true), "net.fc");
}

}  // namespace
}  // namespace frost
