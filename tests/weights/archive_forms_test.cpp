#include <gtest/gtest.h>

#include <fstream>

#include "tests/text_files.h"
#include "tests/weights/container_text.h"
#include "tests/weights/pickle_text.h"
#include "tests/weights/weight_file_helpers.h"
#include "weights/weight_file.h"

// Archives of torch.save as people change them, and what else is written into such archives.
namespace frost {
namespace {

using namespace test;

const std::vector<float> kValues = {1, 2, 3, 4, 5, 6};

WeightFile parse(const std::string& file) {
  return parse_weight_file(bytes_of(file), "f");
}

StateDict tensors_of(const std::string& pickle) {
  return parse(zip_of(members_of(pickle))).tensors;
}

testing::AssertionResult refused(const std::string& file, const std::string& part) {
  return refuses([&] { parse(file); }, part);
}

bool holds_the_tensor(const WeightFile& file) {
  return file.tensors.size() == 1 && file.tensors.at("w").to_floats("w") == kValues;
}

TEST(PickleProtocols, FramesMemosAndGlobalsFromTheStackAreRead) {
  const std::string storage = "(" + short_text("storage") + "\x94" +
                              global("torch", "FloatStorage") + short_text("0") + "\x94" +
                              short_text("cpu") + "\x94" + "K\x06t\x94Q";
  std::string body = "}\x94(" + short_text("w") + "\x94";
  body += global("torch._utils", "_rebuild_tensor_v2") + "(" + storage;
  body += std::string("K\0K\2K\3\x86\x94K\3K\1\x86\x94\x89}\x94t\x94R\x94", 21);
  body += short_text("set") + "\x8f(K\1K\2\x90" + short_text("frozen") + "(K\1\x91";
  body +=
      short_text("bytes") + "C\3abc" + short_text("more") + "\x8e" + raw<std::uint64_t>(2) + "xy";
  body += short_text("array") + "\x96" + raw<std::uint64_t>(1) + "z" + "\x8d" +
          raw<std::uint64_t>(4) + "seed" + "\x8a\x09" + std::string(9, '\1') + "u";
  for (const auto protocol : {std::uint8_t{4}, std::uint8_t{5}}) {
    EXPECT_TRUE(holds_the_tensor(parse(zip_of(members_of(framed(protocol, body)))))) << protocol;
  }
}

TEST(PickleProtocols, TheMemoCountsWhatItHolds) {
  // MEMOIZE after BINPUT 0 is entry 1; entry 1 is the text.
  const std::string body = "}q" + raw<std::uint8_t>(0) + text("w") + "\x94" +
                           TensorText().pickle() + "s" + "0h" + raw<std::uint8_t>(0);
  EXPECT_TRUE(holds_the_tensor(parse(zip_of(members_of(pickled(body))))));
  EXPECT_TRUE(refused(zip_of(members_of(pickled("}\x94h\1"))), "never set"));
}

TEST(PickleProtocols, SizesThatTheFileDoesNotHoldAreRefused) {
  const std::string huge = raw<std::uint64_t>(~std::uint64_t{0});
  for (const char* opcode : {"\x8d", "\x8e", "\x96"}) {
    EXPECT_TRUE(refused(zip_of(members_of(pickled(opcode + huge))), "truncated"));
  }
  EXPECT_TRUE(refused(zip_of(members_of("\x80\x04\x95" + huge + "}.")), "frame"));
  EXPECT_TRUE(refused(zip_of(members_of(pickled("\x8b" + raw(~std::uint32_t{0})))), "truncated"));
}

TEST(InertObjects, AModuleIsReadAsItsStateDict) {
  const std::string tensor = TensorText().pickle();
  const std::string child =
      object(text("training") + "\x88" + text("_parameters") + "}(" + text("w") + tensor +
             text("bias") + "Nu" + text("_buffers") + "}" + text("mean") + tensor + "s" +
             text("_modules") + "}" + text("hidden") + tensor);
  const std::string net = object(text("_modules") + "}" + text("conv") + child + "s" +
                                 text("_hooks") + "ccollections\nOrderedDict\n)R");
  for (const std::string& prefix : {std::string(), std::string("model")}) {
    const std::string root = prefix.empty() ? net : "}" + text(prefix) + net + "s";
    const StateDict state = tensors_of(pickled(root));
    const std::string path = prefix.empty() ? "" : prefix + ".";
    ASSERT_EQ(state.size(), 2u);
    EXPECT_EQ(state.at(path + "conv.w").to_floats("w"), kValues);
    EXPECT_TRUE(state.contains(path + "conv.mean"));
  }
}

TEST(InertObjects, ScriptedModulesKeepTheirTensorsAsAttributes) {
  auto members = members_of(pickled(object(
      text("training") + "\x89" + text("conv") +
          object(text("w") + TensorText().pickle(), "__torch__.conv.___torch_mangle_1\nConv2d"),
      "__torch__.net\nNet")));
  members.push_back({"a/constants.pkl", pickled(")")});
  members.push_back({"a/code/__torch__/net.py", "import os; os.system('true')"});
  const WeightFile file = parse(zip_of(members));
  EXPECT_EQ(file.format, "TorchScript");
  EXPECT_EQ(file.tensors.at("conv.w").to_floats("w"), kValues);
}

TEST(InertObjects, TheTopMayBeATupleOrAList) {
  const std::string state = "}" + text("w") + TensorText().pickle() + "s";
  for (const std::string& top : {"(" + state + "K\5t", "](" + state + "K\5e"}) {
    EXPECT_EQ(tensors_of(pickled(top)).at("0.w").to_floats("w"), kValues);
  }
  EXPECT_TRUE(refused(zip_of(members_of(pickled("N"))), "the top object is not a dict"));
}

TEST(InertObjects, WhatStandsInForTensorsIsNamed) {
  const auto stand_ins_of = [](std::vector<ZipMember> members) {
    const auto found = parse(zip_of(members)).stand_ins;
    return found.size() == 1 ? found[0].substr(0, 20) : "";
  };
  const std::string array = "cnumpy.core.multiarray\n_reconstruct\n(K\1tR";
  const std::string meta = "ctorch._utils\n_rebuild_meta_tensor_no_storage\n(K\1tR";
  EXPECT_EQ(stand_ins_of(members_of(pickled("}" + text("w") + array + "s"))),
            "NumPy arrays in plac");
  EXPECT_EQ(stand_ins_of(members_of(pickled("}" + text("w") + meta + "s"))),
            "tensors of the meta ");
  EXPECT_EQ(stand_ins_of(members_of(state_of(TensorText()))), "");
  auto frozen = members_of(pickled(object(text("training") + "\x89")));
  frozen.push_back({"a/constants.pkl", pickled(")")});
  EXPECT_EQ(stand_ins_of(frozen), "");
  frozen.push_back({"a/constants/0", kSixFloats});
  EXPECT_EQ(stand_ins_of(frozen), "a frozen TorchScript");
}

TEST(InertObjects, CallsAreRecordsAndNothingElse) {
  const std::string entries = text("w") + TensorText().pickle();
  const std::string call = "cnumpy.core.multiarray\nscalar\n(K\1tR";
  EXPECT_EQ(tensors_of(pickled("}(" + entries + text("best") + call + "u")).size(), 1u);
  const std::string dict = "ccollections\ndefaultdict\nc__builtin__\ndict\n\x85R(" + entries + "u";
  EXPECT_TRUE(holds_the_tensor(parse(zip_of(members_of(pickled(dict))))));
  const std::string state = "cargparse\nNamespace\n)}\x92}" + text("lr") + "K\1sb";
  EXPECT_EQ(tensors_of(pickled("}(" + entries + text("args") + state + "u")).size(), 1u);
  for (const char* name :
       {"subprocess\nPopen", "builtins\nexec", "__builtin__\neval", "posix\nsystem"}) {
    EXPECT_TRUE(
        refused(zip_of(members_of(pickled("c" + std::string(name) + "\n)R"))), "runs commands"));
  }
}

TEST(InertObjects, NoTensorIsLostInThem) {
  const std::string storage = "((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") +
                              text("cpu") + integer(6) + "tQ" + integer(0) + "tR";
  EXPECT_TRUE(refused(zip_of(members_of(pickled("ctorch._utils\n_rebuild_qtensor\n" + storage))),
                      "a tensor built by 'torch._utils _rebuild_qtensor' ("));
  TensorText quantised;
  quantised.type = "QInt8Storage";
  EXPECT_TRUE(refused(zip_of(members_of(state_of(quantised))), "those of before quantising"));
  EXPECT_TRUE(refused(
      zip_of(members_of(pickled("ctorch\nParameter\n)\x81(" + TensorText().pickle() + "Ntb"))),
      "the state of an unknown object"));
}

/// Whether a dict of that object is refused with `part`.
testing::AssertionResult object_refused(const std::string& object, const std::string& part) {
  return refused(zip_of(members_of(pickled("}" + text("object") + object + "s"))), part);
}

TEST(InertObjects, NoTensorIsLostInArguments) {
  const std::string tensor = TensorText().pickle(), dict = "}" + text("w") + tensor + "s";
  for (const std::string& arguments : {tensor + "\x85", dict + "\x85", "]" + tensor + "a\x85",
                                       object(text("w") + tensor) + "\x85"}) {
    const std::string named_tuple = "cckpt\nPair\n" + arguments;
    EXPECT_TRUE(object_refused(named_tuple + "\x81", "among the arguments of 'ckpt Pair'"));
    EXPECT_TRUE(object_refused(named_tuple + "}\x92", "among the arguments of 'ckpt Pair'"));
  }
  EXPECT_TRUE(object_refused("cckpt\nPair\n)" + dict + "\x92", "the arguments of 'ckpt Pair'"));
  EXPECT_TRUE(object_refused("cckpt\nmake\n" + dict + "\x85R", "built by 'ckpt make'"));
  EXPECT_TRUE(object_refused("cckpt\nmake\n" + tensor + "\x85\x85R", "built by 'ckpt make'"));
  // A bound method is made of its module, whose tensors are where the module is.
  const std::string bound = "}(" + text("net") + object(text("w") + tensor) + "q\1" + text("hook") +
                            "cbuiltins\ngetattr\nh\1" + text("f") + "\x86Ru";
  EXPECT_EQ(tensors_of(pickled(bound)).size(), 1u);
}

TEST(InertObjects, NoTensorIsLostInListsOfOtherClasses) {
  const std::string tensor = TensorText().pickle(), deque = "ccollections\ndeque\n)R";
  const std::string cause = "in a list of 'collections deque'";
  EXPECT_TRUE(object_refused(deque + tensor + "a", cause));
  EXPECT_TRUE(object_refused(deque + "(K\1" + tensor + "e", cause));
  EXPECT_TRUE(object_refused(deque + "(" + object(text("w") + tensor) + "e", cause));
  EXPECT_TRUE(tensors_of(pickled("}" + text("object") + deque + "(K\1K\2es")).empty());
}

TEST(InertObjects, AttributesInSlotsAreReadAsTheOthers) {
  const std::string slots = "}" + text("w") + TensorText().pickle() + "s";
  for (const std::string& attributes : {std::string("N"), "}" + text("epoch") + "K\1s"}) {
    const std::string state = attributes + slots +
                              "\x86"
                              "b";
    EXPECT_TRUE(holds_the_tensor(parse(zip_of(members_of(pickled("cnet\nNet\n)\x81" + state))))));
  }
  const std::string cause = "the state of an unknown object";
  EXPECT_TRUE(object_refused("cnet\nNet\n)\x81" + slots +
                                 "K\1\x86"
                                 "b",
                             cause));
  EXPECT_TRUE(object_refused("cnet\nNet\n)\x81]" + slots + "ab", cause));
}

TEST(InertObjects, TypedListsOfTorchScriptAreWhatTheyHold) {
  const std::string list =
      "ctorch.jit._pickle\nbuild_tensorlist\n](" + TensorText().pickle() + "e\x85R";
  const StateDict state = tensors_of(pickled("}" + text("anchors") + list + "s"));
  ASSERT_EQ(state.size(), 1u);
  EXPECT_TRUE(state.contains("anchors.0"));
}

TEST(InertObjects, TheSearchOfArgumentsEnds) {
  // One list of 1000 values in the arguments of 2000 calls; a list in itself.
  std::string body = "](";
  for (int i = 0; i < 1000; ++i) body += "K" + raw(static_cast<std::uint8_t>(i));
  body += "eq\1](";
  for (int i = 0; i < 2000; ++i) body += "ca\nb\nh\1\x85R";
  EXPECT_TRUE(refused(zip_of(members_of(pickled(body + "e"))), "2^20 values in arguments"));
  EXPECT_TRUE(tensors_of(pickled("}" + text("x") + "ca\nb\n]q\1h\1a\x85Rs")).empty());
}

TEST(InertObjects, CirclesAndSharingEnd) {
  // The object is its own child; then 40 objects each hold the next one twice.
  const std::string self =
      "cnet\nNet\n)\x81q\1}(" + text("w") + TensorText().pickle() + text("me") + "h\1ub";
  EXPECT_TRUE(holds_the_tensor(parse(zip_of(members_of(pickled(self))))));
  std::string body = "}";
  for (std::uint8_t level = 0; level < 40; ++level) {
    body = object(text("a") + body + "q" + raw(level) + text("b") + "h" + raw(level));
  }
  EXPECT_TRUE(refused(zip_of(members_of(pickled(body))), "nested too deeply"));
}

TEST(RezippedArchives, DeflatedMembersAndFolderEntriesAreRead) {
  const WeightFile file = parse(zip_of({{"a/", ""},
                                        squeezed("a/data.pkl", state_of({})),
                                        {"a/data/", ""},
                                        squeezed("a/data/0", kSixFloats),
                                        {"a/version", "3\n"}}));
  EXPECT_TRUE(holds_the_tensor(file));
  ASSERT_EQ(file.notes.size(), 1u);
}

TEST(RezippedArchives, InflatingIsBoundedByTheDeclaredSize) {
  const auto with = [](ZipMember storage) {
    return zip_of({{"a/data.pkl", state_of({})}, std::move(storage), {"a/version", "3\n"}});
  };
  ZipMember longer = squeezed("a/data/0", kSixFloats + "x");
  longer.plain = kSixFloats;
  EXPECT_TRUE(refused(with(longer), "does not inflate to its 24 bytes"));
  ZipMember shorter = squeezed("a/data/0", kSixFloats.substr(1));
  shorter.plain = kSixFloats;
  EXPECT_TRUE(refused(with(shorter), "does not inflate"));
  ZipMember damaged = squeezed("a/data/0", kSixFloats);
  damaged.data[3] ^= 0x55;
  EXPECT_TRUE(refused(with(damaged), "f: member"));
  ZipMember claims = squeezed("a/data/0", kSixFloats);
  claims.plain = std::string(1 << 20, '\0');
  EXPECT_TRUE(refused(with(claims), "claims to inflate"));
  const ZipMember bomb = squeezed("a/data/0", std::string((128 << 20) + 4, '\0'));
  EXPECT_TRUE(refused(with(bomb), "at most 128 MiB are inflated"));
  ZipMember wrong = squeezed("a/data/0", kSixFloats);
  wrong.crc_error = 1;
  EXPECT_TRUE(refused(with(wrong), "CRC-32"));
}

TEST(RezippedArchives, MembersThatNobodyAsksForAreNotInflated) {
  auto members = members_of(state_of({}));
  for (const char* name : {"a/code/bomb.py", "a/constants.pkl"}) {
    members.push_back(squeezed(name, std::string(130 << 20, '\0')));
  }
  EXPECT_TRUE(holds_the_tensor(parse(zip_of(members))));
}

TEST(Checksums, AllMayBeSwitchedOffButNoneMayBeWrong) {
  auto members = members_of(state_of({}));
  for (ZipMember& m : members) m.no_crc = true;
  const WeightFile file = parse(zip_of(members));
  EXPECT_TRUE(holds_the_tensor(file));
  ASSERT_EQ(file.notes.size(), 1u);
  EXPECT_NE(file.notes[0].find("checksums"), std::string::npos);
  members[2].no_crc = false;
  EXPECT_TRUE(refused(zip_of(members), "CRC-32"));
}

TEST(UnpackedArchives, AFolderIsReadWithOrWithoutItsRoot) {
  const TemporaryFolder folder;
  write_text(folder / "x/plain/data.pkl", state_of({}));
  write_text(folder / "x/plain/data/0", kSixFloats);
  write_text(folder / "x/plain/version", "3\n");
  for (const char* name : {"x", "x/plain"}) {
    const WeightFile file = open_weight_file(folder / name);
    EXPECT_TRUE(holds_the_tensor(file)) << name;
    EXPECT_EQ(file.sha256.size(), 64u);
  }
  std::filesystem::remove(folder / "x/plain/data/0");
  EXPECT_TRUE(refuses([&] { open_weight_file(folder / "x"); }, "no member 'data/0'"));
  write_text(folder / "y/saved_model.pb", "\x08\x01\x12");
  EXPECT_TRUE(refuses([&] { open_weight_file(folder / "y"); }, "SavedModel"));
  EXPECT_TRUE(refuses([&] { open_weight_file(folder / "."); }, "directory without data.pkl"));
}

TEST(UnpackedArchives, WhatCannotBeOpenedIsAnErrorOfOneLine) {
  const TemporaryFolder folder;
  write_text(folder / "x/data.pkl", state_of({}));
  write_text(folder / "x/data/0", kSixFloats);
  std::filesystem::create_symlink("version", folder / "x/version");
  EXPECT_TRUE(refuses([&] { open_weight_file(folder / "x"); }, "version"));
}

TEST(UnpackedArchives, ScriptedModulesAreToldByTheirConstants) {
  const TemporaryFolder folder;
  write_text(folder / "x/data.pkl", state_of({}));
  write_text(folder / "x/data/0", kSixFloats);
  write_text(folder / "x/version", "3\n");
  write_text(folder / "x/constants.pkl", "never read");
  EXPECT_EQ(open_weight_file(folder / "x").format, "unpacked TorchScript");
}

TEST(PretrainedConfig, IsReadFromEveryContainer) {
  const std::string config = text("pretrained_cfg") + "}(" + text("mean") +
                             std::string("K\1K\2K\3\x87", 7) + text("interpolation") +
                             text("bicubic") + "us";
  const auto object = [&](const TensorText& tensor) {
    return pickled("}" + text("w") + tensor.pickle() + "s" + config);
  };
  const std::map<std::string, std::string> expected = {{"pretrained_cfg.interpolation", "bicubic"},
                                                       {"pretrained_cfg.mean", "1 2 3"}};
  EXPECT_EQ(parse(zip_of(members_of(object({})))).metadata, expected);
  EXPECT_EQ(parse(legacy_around(object({.view = kNoView}))).metadata, expected);
  EXPECT_EQ(parse(TarText{.entries = config}.file()).metadata, expected);
  const TemporaryFolder folder;
  write_text(folder / "x/data.pkl", object({}));
  write_text(folder / "x/data/0", kSixFloats);
  write_text(folder / "x/version", "3\n");
  EXPECT_EQ(open_weight_file(folder / "x").metadata, expected);
}

}  // namespace
}  // namespace frost
