#include <gtest/gtest.h>

#include "tests/weights/container_text.h"
#include "weights/weight_file.h"

// The two containers that torch.save wrote before the zip archive, assembled by hand.
namespace frost {
namespace {

using namespace test;

StateDict parse(const std::string& file) {
  return parse_weight_file(bytes_of(file), "f").tensors;
}

testing::AssertionResult refused(const std::string& file, const std::string& part) {
  return refuses([&] { parse(file); }, part);
}

const std::vector<float> kValues = {1, 2, 3, 4, 5, 6};

TEST(LegacyStream, ReadsTensorsAndWindowsOfAStorage) {
  EXPECT_EQ(parse(legacy_of({.view = kNoView})).at("w").to_floats("w"), kValues);
  const TensorText window{
      .shape = {2}, .stride = {1}, .view = "(" + text("1") + integer(3) + integer(2) + "t"};
  EXPECT_EQ(parse(legacy_of(window)).at("w").to_floats("w"), (std::vector<float>{4, 5}));
}

TEST(LegacyStream, WindowsStayInsideTheirStorage) {
  const auto view = [](std::int64_t begin, std::int64_t count) {
    return "(" + text("1") + integer(begin) + integer(count) + "t";
  };
  EXPECT_TRUE(refused(legacy_of({.view = view(5, 2)}), "beyond its storage"));
  EXPECT_TRUE(refused(legacy_of({.view = view(-1, 2)}), "beyond its storage"));
  EXPECT_TRUE(refused(legacy_of({.view = view(1, 5)}), "leave the storage's 5"));
}

TEST(LegacyStream, SizesAndKeysMustAgree) {
  EXPECT_TRUE(refused(legacy_of({.view = kNoView}, 5), "its tensors say 6"));
  EXPECT_TRUE(
      refused(legacy_of({.numel = std::int64_t{1} << 62, .view = kNoView}, std::int64_t{1} << 62),
              "truncated"));
  EXPECT_TRUE(refused(legacy_of({.view = kNoView}, 6, "]"), "follow the last storage"));
  EXPECT_TRUE(refused(legacy_of({.view = kNoView}, 6, "](" + text("1") + "e"), "no tensor"));
  EXPECT_TRUE(refused(legacy_of({.view = kNoView}, 6, "](" + text("0\n") + "e"), "'0\\x0a'"));
  EXPECT_TRUE(refused(legacy_of({.view = kNoView}) + "x", "follow the last storage"));
  EXPECT_TRUE(refused(legacy_of({}), "not a storage"));
}

TEST(LegacyStream, BigEndianAndUnknownProtocolsAreRefused) {
  const std::string keys = "](" + text("0") + "e";
  const TensorText tensor{.view = kNoView};
  EXPECT_TRUE(refused(legacy_of(tensor, 6, keys, system_info(1001, false)), "big-endian"));
  EXPECT_TRUE(refused(legacy_of(tensor, 6, keys, system_info(1002)), "unknown protocol"));
  EXPECT_TRUE(refused(kMagic + pickled("M\xea\x03"), "unknown protocol"));
}

TEST(LegacyStream, TheClassOfAModuleStaysAName) {
  const std::string type = "(" + text("module") + "cmodels\nNet\n" + text("/home/net.py") +
                           text(std::string(9000, '#')) + "tQ";
  const std::string module = pickled(type + ")\x81}" + text("_parameters") + "}" + text("w") +
                                     TensorText{.view = kNoView}.pickle() + "ssb");
  const std::string file = kMagic + pickled(integer(1001)) + system_info(1001) + module +
                           pickled("](" + text("0") + "e") + raw<std::int64_t>(6) + kSixFloats;
  EXPECT_EQ(parse(file).at("w").to_floats("w"), kValues);
  const std::string nameless = "(" + text("module") + "NNNtQ";
  EXPECT_TRUE(refused(kMagic + pickled(integer(1001)) + system_info(1001) + pickled(nameless),
                      "without a name"));
}

TEST(LegacyStream, NewerProtocolsFrameTheMagicNumber) {
  const std::string plain = legacy_of({.view = kNoView});
  const std::string framed = std::string("\x80\x04\x95\x0d\0\0\0\0\0\0\0", 11) + plain.substr(2);
  EXPECT_EQ(parse(framed).at("w").to_floats("w"), kValues);
  std::string other = framed;
  other[1] = 6;
  EXPECT_TRUE(refused(other, "neither safetensors"));
}

TEST(TarContainer, ReadsTensorsAndWindowsOfAStorage) {
  EXPECT_EQ(parse(TarText{}.file()).at("w").to_floats("w"), kValues);
  TarText window{.storage_key = 8, .rank = 1, .shape = {2}, .stride = {1}};
  window.views = "](" + tuple({8, 7, 3, 2}) + "e";
  EXPECT_EQ(parse(window.file()).at("w").to_floats("w"), (std::vector<float>{4, 5}));
  window.views = "](" + tuple({8, 7, 5, 2}) + "e";
  EXPECT_TRUE(refused(window.file(), "view beyond"));
}

TEST(TarContainer, CountsAndSizesAreChecked) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  EXPECT_TRUE(refused(TarText{.storages = std::int64_t{1} << 31}.file(), "0 to 4096"));
  EXPECT_TRUE(refused(TarText{.tensors = -1}.file(), "0 to 4096"));
  EXPECT_TRUE(refused(TarText{.count = kHuge}.file(), "ends beyond"));
  EXPECT_TRUE(refused(TarText{.count = -1}.file(), "ends beyond"));
  EXPECT_TRUE(refused(TarText{.rank = -1}.file(), "-1 dimensions"));
  EXPECT_TRUE(refused(TarText{.rank = 9}.file(), "9 dimensions"));
  EXPECT_TRUE(refused(TarText{.shape = {-2, 3}}.file(), "size or stride -2"));
  EXPECT_TRUE(refused(TarText{.stride = {kHuge, kHuge}}.file(), "leave the storage"));
  EXPECT_TRUE(refused(TarText{.offset = -1}.file(), "leave the storage"));
  EXPECT_TRUE(refused(TarText{.type = "DoubleTensor"}.file(), "storage of its type"));
  EXPECT_TRUE(refused(TarText{.key = "8"}.file(), "no known tensor"));
  EXPECT_TRUE(refused(TarText{.info = system_info(1000, false)}.file(), "big-endian"));
}

TEST(TarContainer, OnlyPlainKnownMembersAreRead) {
  const auto with = [](const std::string& member) { return TarText{.extra = member}.file(); };
  EXPECT_EQ(parse(with(tar_member("pax", "16 mtime=148.25\n", 'x'))).size(), 1u);
  EXPECT_TRUE(refused(with(tar_member("pax", "11 size=99\n", 'x')), "sets 'size'"));
  EXPECT_TRUE(refused(with(tar_member("pax", "99 mtime=1\n", 'x')), "damaged extended"));
  EXPECT_TRUE(refused(with(tar_member("pickle", "", '2')), "no plain file"));
  EXPECT_TRUE(refused(with(tar_member("../x", "")), "unknown tar member '../x'"));
  EXPECT_TRUE(refused(with(tar_member("pickle", "")), "member pickle occurs twice"));
  EXPECT_TRUE(refused(TarText{}.file() + "x", "follow the tar"));
  std::string damaged = TarText{}.file();
  damaged[100] = 'x';
  EXPECT_TRUE(refused(damaged, "checksum"));
}

}  // namespace
}  // namespace frost
