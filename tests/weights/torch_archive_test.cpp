#include "weights/weight_file.h"

#include <gtest/gtest.h>

#include "engine/io/atomic_file.h"
#include "tests/golden_files.h"
#include "tests/weights/pickle_text.h"
#include "tests/weights/weight_file_helpers.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

using namespace test;

std::vector<ZipMember> members_of(const std::string& pickle, const std::string& data = kSixFloats) {
  return {{"a/data.pkl", pickle}, {"a/data/0", data}, {"a/version", "3\n"}};
}

StateDict parse(const std::string& file) {
  return parse_weight_file(bytes_of(file), "f").tensors;
}

testing::AssertionResult refused(const std::string& file, const std::string& part) {
  return refuses([&] { parse(file); }, part);
}

testing::AssertionResult pickle_refused(const std::string& pickle, const std::string& part) {
  return refused(zip_of(members_of(pickle)), part);
}

testing::AssertionResult tensor_refused(const TensorText& tensor, const std::string& part) {
  return pickle_refused(state_of(tensor), part);
}

TEST(TorchZip, ReadsATensorThroughItsStrides) {
  const StateDict plain = parse(zip_of(members_of(state_of({}))));
  EXPECT_EQ(plain.at("w").to_floats("w"), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  TensorText view;
  view.shape = {3, 2, 2};
  view.stride = {1, 3, 0};
  EXPECT_EQ(parse(zip_of(members_of(state_of(view)))).at("w").to_floats("w"),
            (std::vector<float>{1, 1, 4, 4, 2, 2, 5, 5, 3, 3, 6, 6}));
}

TEST(TorchZip, NestedDictsAndListsAreFlattened) {
  const std::string tensor = TensorText().pickle();
  const std::string body = "}(" + text("epoch") + "K\5" + text("net") + "}" + text("w") + tensor +
                           "s" + text("list") + "](NN" + tensor + "eu";
  const StateDict state = parse(zip_of(members_of(pickled(body))));
  ASSERT_EQ(state.size(), 2u);
  EXPECT_TRUE(state.contains("net.w"));
  EXPECT_TRUE(state.contains("list.2"));
}

TEST(TorchZip, NothingButStateDictsIsInterpreted) {
  EXPECT_TRUE(pickle_refused(pickled("cos\nsystem\n" + text("true") + "\x85R"), "'os system'"));
  EXPECT_TRUE(pickle_refused(pickled("c__builtin__\neval\n(tR"), "'__builtin__ eval'"));
  EXPECT_TRUE(tensor_refused({.type = std::string("Float\0Storage", 13)}, "torch Float\\x00"));
  EXPECT_TRUE(pickle_refused(pickled("ctorch\nComplexFloatStorage\n"), "not a dict"));
  EXPECT_TRUE(tensor_refused({.type = "ComplexFloatStorage"}, "'torch ComplexFloatStorage'"));
  EXPECT_TRUE(pickle_refused("\x80\x06}.", "protocol 2 to 5"));
  EXPECT_TRUE(pickle_refused(pickled(text("os") + text("system") + "\x93"), "'os system'"));
  EXPECT_TRUE(pickle_refused(pickled("}N\x93"), "two texts"));
  EXPECT_TRUE(pickle_refused(pickled("\x97"), "out-of-band buffer"));
  EXPECT_TRUE(pickle_refused(pickled("}\x98"), "out-of-band buffer"));
  EXPECT_TRUE(pickle_refused(pickled("(ios\nsystem\n"), "opcode 0x69"));
  EXPECT_TRUE(pickle_refused(pickled("(o"), "opcode 0x6f"));
  EXPECT_TRUE(pickle_refused(pickled("\x82\x01"), "opcode 0x82"));
  EXPECT_TRUE(pickle_refused(pickled("ccollections\nOrderedDict\n)\x81"), "NEWOBJ"));
  EXPECT_TRUE(pickle_refused(pickled("ctorch\nFloatStorage\n)R"), "REDUCE"));
}

TEST(TorchZip, ContainersTakeOnlyTheirOwnOperations) {
  EXPECT_TRUE(pickle_refused(pickled("]NNs"), "SETITEM"));
  EXPECT_TRUE(pickle_refused(pickled("}Na"), "APPEND"));
  EXPECT_TRUE(pickle_refused(pickled("}(Nu"), "without a value"));
  EXPECT_TRUE(pickle_refused(pickled(")Nb"), "BUILD"));
  EXPECT_TRUE(pickle_refused(pickled("}Nb"), "BUILD"));
  EXPECT_TRUE(pickle_refused(pickled("s"), "empty stack"));
  EXPECT_TRUE(pickle_refused(pickled("N(\x86"), "empty stack"));
  EXPECT_TRUE(pickle_refused(pickled("u"), "mark"));
  EXPECT_TRUE(pickle_refused(pickled("}N"), "full stack"));
  EXPECT_TRUE(pickle_refused(pickled("N"), "not a dict"));
  EXPECT_TRUE(pickle_refused(pickled("}NNs"), "dict key"));
  EXPECT_TRUE(parse(zip_of(members_of(pickled("})Ns")))).empty());  // no name leads there
  EXPECT_TRUE(pickle_refused(pickled("}q\1(" + text("a") + "h\1u"), "nested too deeply"));
}

TEST(TorchZip, PickleLimitsHold) {
  EXPECT_TRUE(pickle_refused(pickled(std::string(65, '(')), "marks"));
  EXPECT_TRUE(pickle_refused(pickled(std::string(70000, 'N')), "stack"));
  EXPECT_TRUE(pickle_refused(pickled("}r" + raw(~std::uint32_t{0})), "memo index 4294967295"));
  EXPECT_TRUE(pickle_refused(pickled("}h\1"), "never set"));
  EXPECT_TRUE(pickle_refused(pickled("X" + raw(~std::uint32_t{0})), "truncated"));
  std::string texts;
  for (int i = 0; i < 2200; ++i) texts += text(std::string(4096, 'x'));
  EXPECT_TRUE(pickle_refused(pickled("(" + texts + "t"), "8 MiB"));
  std::string loop;
  for (int i = 0; i < (1 << 19); ++i) loop += "q\1";
  EXPECT_TRUE(pickle_refused(pickled("}" + loop + loop), "opcodes"));
}

TEST(TorchZip, SharedContainersCannotMultiply) {
  // Each dict holds the one below twice: 2^60 paths in 60 dicts.
  std::string body = "}";
  for (std::uint8_t level = 0; level < 60; ++level) {
    body = "}" + text("a") + body + "q" + raw(level) + "s" + text("b") + "h" + raw(level) + "s";
  }
  EXPECT_TRUE(pickle_refused(pickled(body), "nested"));
}

TEST(TorchZip, SharedListsCannotMultiply) {
  // Every dict made from the memoised list of 1000 pairs would be a copy of it.
  std::string body = "](" + text("k") + "Neq\1](";
  for (int i = 0; i < 1000; ++i) body += "h\1";
  body += "eq\2ccollections\nOrderedDict\nq\3](";
  for (int i = 0; i < 300; ++i) body += "h\3h\2\x85R";
  EXPECT_TRUE(pickle_refused(pickled("(" + body + "et"), "copied dict entries"));
}

TEST(TorchZip, OneTensorCannotBecomeMany) {
  std::string body = "}(" + text("w") + TensorText().pickle() + "q\1";
  for (int i = 0; i < 4096; ++i) body += text(std::to_string(i)) + "h\1";
  EXPECT_TRUE(pickle_refused(pickled(body + "u"), "more than 4096 tensors"));
}

TEST(TorchZip, WhatLiesRowMajorIsSharedAndWhatIsStridedIsBounded) {
  const SharedBytes image = bytes_of(zip_of(members_of(state_of({}))));
  const StateDict plain = parse_weight_file(image, "f").tensors;
  const std::byte* data = plain.at("w").bytes.data();
  EXPECT_TRUE(data >= image.begin() && data < image.end());
  // 4 KiB more than 128 MiB of one repeated number.
  const TensorText expanded{.shape = {32769, 1024}, .stride = {0, 0}};
  EXPECT_TRUE(tensor_refused(expanded, "more than 128 MiB of strided"));
}

TEST(TorchZip, TensorsStayInsideTheirStorage) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  EXPECT_TRUE(tensor_refused({.numel = 7}, "declares 7 elements"));
  EXPECT_TRUE(tensor_refused({.numel = kHuge}, "declares"));
  EXPECT_TRUE(tensor_refused({.numel = -1}, "-1 elements"));
  EXPECT_TRUE(tensor_refused({.type = "DoubleStorage"}, "declares 6 elements of F64"));
  EXPECT_TRUE(tensor_refused({.offset = 1}, "leave the storage"));
  EXPECT_TRUE(tensor_refused({.offset = -1}, "leave the storage"));
  EXPECT_TRUE(tensor_refused({.offset = kHuge}, "leave the storage"));
  EXPECT_TRUE(tensor_refused({.stride = {kHuge, kHuge}}, "leave the storage"));
  EXPECT_TRUE(tensor_refused({.stride = {-3, 1}}, "stride holds -3"));
  EXPECT_TRUE(tensor_refused({.shape = {-2, 3}}, "size holds -2"));
  EXPECT_TRUE(tensor_refused({.shape = {kHuge, 3}}, "size holds"));
  EXPECT_TRUE(tensor_refused({.stride = {1}}, "different rank"));
  EXPECT_TRUE(tensor_refused({.shape = {2000000000, 2000000000}, .stride = {0, 0}}, "too large"));
  EXPECT_TRUE(tensor_refused({.key = "1"}, "no member 'data/1'"));
  EXPECT_TRUE(tensor_refused({.key = "../0"}, "not a number"));
}

TEST(TorchZip, EmptyTensorsNeedNoData) {
  const TensorText empty{.offset = 99, .shape = {0, 3}};
  EXPECT_EQ(parse(zip_of(members_of(state_of(empty)))).at("w").numel(), 0);
}

TEST(TorchZip, DuplicateNamesAreRefused) {
  const std::string tensor = TensorText().pickle();
  EXPECT_TRUE(
      pickle_refused(pickled("}(" + text("w") + tensor + text("w") + tensor + "u"), "twice"));
  EXPECT_TRUE(pickle_refused(
      pickled("}(" + text("a.b") + tensor + text("a") + "}" + text("b") + tensor + "su"), "twice"));
}

testing::AssertionResult member_refused(ZipMember member, const std::string& part) {
  auto members = members_of(state_of({}));
  members.push_back(std::move(member));
  return refused(zip_of(members), part);
}

TEST(TorchZip, RecordsMustBePlainUniqueAndAlike) {
  EXPECT_TRUE(member_refused({.name = "a/x", .data = "1", .method = 12}, "unknown way"));
  EXPECT_TRUE(member_refused({.name = "a/x", .data = "1", .flags = 1}, "encrypted"));
  EXPECT_TRUE(member_refused({.name = "a/x", .data = "1", .flags = 0x40}, "unknown flags"));
  EXPECT_TRUE(member_refused({.name = "a/x", .data = "1", .crc_error = 1}, "CRC-32"));
  EXPECT_TRUE(member_refused({.name = "a/x", .data = "1", .local_name = "a/y"}, "disagree"));
  EXPECT_TRUE(member_refused({.name = "a/x", .data = "1", .local_size_error = 1}, "disagree"));
  EXPECT_TRUE(member_refused({"a/data.pkl", "1"}, "occurs twice"));
  EXPECT_TRUE(member_refused({"a/DATA.PKL", "1"}, "occurs twice"));
  EXPECT_TRUE(member_refused(
      {.name = "a/x", .data = "3\n", .local_name = "a/version", .same_as = 2}, "disagree"));
  EXPECT_TRUE(member_refused({"b/x", "1"}, "another root"));
  EXPECT_TRUE(member_refused({"a/../x", "1"}, "root/name"));
  EXPECT_TRUE(member_refused({"/x", "1"}, "root/name"));
  EXPECT_TRUE(member_refused({"a\\x", "1"}, "root/name"));
  EXPECT_TRUE(member_refused({"x", "1"}, "root/name"));
  EXPECT_TRUE(member_refused({"a/" + std::string(600, 'x'), "1"}, "member name of 602 bytes"));
  EXPECT_TRUE(member_refused({"a/x/", "1"}, "folder with content"));
  EXPECT_TRUE(member_refused({"a/byteorder", "big"}, "little-endian"));
}

TEST(TorchZip, ATruncationIsNamedByTheMemberItCuts) {
  const std::string file = zip_of(members_of(state_of({})));
  const std::size_t data = file.find(kSixFloats);
  EXPECT_TRUE(refused(file.substr(0, data + 4), "member 'a/data/0' ends 20 bytes early"));
  EXPECT_TRUE(refused(file.substr(0, data), "member 'a/data/0' ends 24 bytes early"));
  EXPECT_TRUE(refused(file.substr(0, data - 3), "truncated"));
  EXPECT_TRUE(refused(file.substr(0, file.size() - 1), "without an end record"));
}

TEST(TorchZip, RecordsMayNotOverlap) {
  // The outer record holds the whole record of the inner one as its data.
  const std::string inner = zip_of({{"a/in", "payload"}});
  const std::string inner_local = inner.substr(0, inner.find("PK\1\2"));
  std::string file = zip_of({{"a/out", inner_local}, {"a/in", "payload"}});
  const std::size_t second = file.rfind("PK\1\2");
  file.replace(second + 42, 4, raw<std::uint32_t>(30 + 5));
  EXPECT_TRUE(refused(file, "overlapping"));
}

TEST(TorchZip, TheArchiveIsTheWholeFile) {
  const auto members = members_of(state_of({}));
  EXPECT_EQ(parse(zip_of(members, "a comment")).size(), 1u);
  EXPECT_TRUE(refused(zip_of(members, "", "tail"), "appended"));
  EXPECT_TRUE(refused("x" + zip_of(members), "neither safetensors"));
  EXPECT_TRUE(
      refused(zip_of({{"a/data.pkl", state_of({})}, {"a/data/0", kSixFloats}}), "'version'"));
  auto no_pickle = members;
  no_pickle.erase(no_pickle.begin());
  EXPECT_TRUE(refused(zip_of(no_pickle), "'data.pkl'"));
  auto future = members;
  future[2].data = "11\n";
  EXPECT_TRUE(refused(zip_of(future), "version"));
  EXPECT_TRUE(refused(zip_of(members_of(state_of({}) + "x")), "follow the pickle"));
}

TEST(TorchArchive, OtherFormatsAreNamed) {
  EXPECT_TRUE(refused("", "is empty"));
  EXPECT_TRUE(refused("\x89HDF\r\n", "HDF5"));
  EXPECT_TRUE(refused("\x93NUMPY", "NumPy"));
  EXPECT_TRUE(refused("PYTORCH1{}", "preview"));
  EXPECT_TRUE(refused("\x80\x02}.", "bare pickle"));
  EXPECT_TRUE(refused("what is this", "neither safetensors nor"));
  EXPECT_TRUE(refused("version https://git-lfs.github.com/spec/v1\n", "run 'git lfs pull'"));
  EXPECT_TRUE(refused("\xef\xbb\xbf \n<!DOCTYPE html><html>sign in", "HTML page"));
  EXPECT_TRUE(refused("<html>not found</html>", "HTML page"));
  EXPECT_TRUE(refused("<?xml version='1.0'?><Error>", "XML"));
  EXPECT_TRUE(refused("{\"error\": \"gated\"}", "JSON"));
  EXPECT_TRUE(refused("\x08\x07\x12\x07pytorch", "ONNX"));
  EXPECT_TRUE(refused("\x08\x01\x12\xff\xff\x01", "SavedModel"));
  EXPECT_TRUE(refused("index\x57\xfb\x80\x8b\x24\x75\x47\xdb", "checkpoint of TensorFlow"));
  EXPECT_TRUE(refused("\x1f\x8b\x08", "gunzip"));
  EXPECT_TRUE(refused(zip_of({{"metadata.json", "{}"}}), "Keras"));
  EXPECT_TRUE(refused(zip_of({{"net/data/weights/weight_0", "1234"}}), "torch.export"));
  EXPECT_TRUE(refused(zip_of({{"serialized_exported_program.json", "{}"}}),
                      "unzip it and name serialized_state_dict.pt"));
  EXPECT_TRUE(refused(zip_of({{"conv1.npy", "x"}}), ".npz"));
}

/// The bundled samples: small files written by PyTorch itself.
class TorchSamples : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (data_path().empty()) GTEST_SKIP() << "FROST_DATA is not set";
    folder_ = data_path() / "weights" / "pth_samples";
    image_ = read_regular_file(folder_ / GetParam(), 1 << 20);
    expected_ = read_safetensors(folder_ / "tiny_expected.safetensors").tensors;
    if (std::string(GetParam()) == "tiny_tar.pth") expected_.erase("l.bf16");  // younger than tar
  }

  std::filesystem::path folder_;
  std::vector<std::byte> image_;
  StateDict expected_;
};

TEST_P(TorchSamples, EqualTheExpectedTensorsBitForBit) {
  EXPECT_TRUE(test::same_tensors(read_weight_file(folder_ / GetParam()), expected_));
}

TEST_P(TorchSamples, EveryTruncationIsRefused) {
  // The tail of a tar file is padding that its reader does not need.
  const bool tar = std::string(GetParam()) == "tiny_tar.pth";
  const std::size_t end = tar ? 8192 : image_.size();
  for (std::size_t size = 0; size < end; size += std::max<std::size_t>(1, end / 256)) {
    const std::vector<std::byte> part(image_.begin(),
                                      image_.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_TRUE(refuses([&] { parse_weight_file(part, "f"); }, "f")) << size;
  }
}

TEST_P(TorchSamples, FlippedBytesGiveAnErrorOrACompleteStateDict) {
  for (std::size_t at = 0; at < image_.size(); ++at) {
    auto damaged = image_;
    damaged[at] ^= static_cast<std::byte>(at % 2 == 0 ? 0xff : 0x01);
    try {
      EXPECT_EQ(parse_weight_file(damaged, "f").tensors.size(), expected_.size()) << at;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, TorchSamples,
                         testing::Values("tiny_zip.pth", "tiny_legacy.pth", "tiny_tar.pth"),
                         [](const auto& sample) {
                           const std::string name = sample.param;
                           return name.substr(5, name.find('.') - 5);
                         });

TEST(TorchFiles, TruncatedOfficialFilesAreRefused) {
  if (data_path().empty()) GTEST_SKIP() << "FROST_DATA is not set";
  const auto folder = data_path() / "weights" / "pth_samples";
  EXPECT_TRUE(refuses([&] { read_weight_file(folder / "resnet18-f37072fd.truncated.pth"); },
                      "missing is all of member 'archive/data/140218745366176' after its first "
                      "561597 bytes, and what follows it (at byte 579901)"));
  EXPECT_TRUE(refuses([&] { read_weight_file(folder / "resnet18-5c106cde.truncated.pth"); },
                      "truncated: 45774077 of 46801661 bytes are missing (at byte 20992)"));
}

TEST(TorchFiles, WrapperKeysAreKept) {
  if (data_path().empty()) GTEST_SKIP() << "FROST_DATA is not set";
  const auto state = read_weight_file(data_path() / "weights/pth_samples/tiny_zip_wrapped.pth");
  EXPECT_TRUE(state.contains("state_dict.module.a.plain"));
  EXPECT_EQ(state.size(), 2u);
}

}  // namespace
}  // namespace frost
