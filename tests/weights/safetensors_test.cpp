#include "weights/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/host_dtype.h"
#include "engine/io/atomic_file.h"
#include "engine/io/regular_file.h"
#include "kernels/bfloat16.h"
#include "tests/weights/weight_file_helpers.h"
#include "weights/sha256.h"

namespace frost {
namespace {

using test::bytes_of;
using test::raw;
using test::refuses;

std::vector<std::byte> file_of(const std::string& header, const std::string& data = "") {
  return bytes_of(raw<std::uint64_t>(header.size()) + header + data);
}

testing::AssertionResult header_refused(const std::string& header, const std::string& data,
                                        const std::string& part) {
  return refuses([&] { parse_safetensors(file_of(header, data), "f"); }, part);
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

SafetensorsFile sample() {
  SafetensorsFile file;
  file.tensors["w"] = HostTensor::from_floats({2, 3}, {1, -2, 3.5f, 0, NAN, 6});
  file.tensors["count"] = HostTensor::from_int64({}, {-7});
  file.tensors["raw"] = HostTensor::from_bytes({1, 2, 255});
  file.tensors["nothing"] = HostTensor::from_floats({0, 4}, {});
  file.metadata = {{"format", "pt"}, {"note", "line\nbreak \"quoted\""}};
  return file;
}

TEST(Safetensors, WrittenFilesReadBackEqual) {
  const test::TemporaryFolder folder;
  write_safetensors(folder / "a.safetensors", sample());
  const SafetensorsFile back = read_safetensors(folder / "a.safetensors");
  EXPECT_TRUE(test::same_tensors(back.tensors, sample().tensors));
  EXPECT_EQ(back.metadata, sample().metadata);
  EXPECT_TRUE(back.has_checksum);
  EXPECT_EQ(folder.files(), 1u);
}

TEST(Safetensors, DataIsAlignedAndOrderedByElementSize) {
  const test::TemporaryFolder folder;
  write_safetensors(folder / "a", sample());
  const auto image = read_regular_file(folder / "a", 1 << 20);
  std::uint64_t length = 0;
  std::memcpy(&length, image.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  std::int64_t first = 0;
  std::memcpy(&first, image.data() + 8 + length, 8);
  EXPECT_EQ(first, -7);
}

TEST(Safetensors, FailedWriteLeavesTheOldFileAndNoTemporary) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  SafetensorsFile bad = sample();
  SharedBytes& bytes = bad.tensors["w"].bytes;
  bytes = bytes.part(0, bytes.size() - 1);
  EXPECT_TRUE(refuses([&] { write_safetensors(folder / "a", bad); }, "'w'"));
  SafetensorsFile latin1 = sample();
  latin1.tensors["\xe9"] = HostTensor::from_floats({1}, {1});
  EXPECT_TRUE(refuses([&] { write_safetensors(folder / "a", latin1); }, "UTF-8"));
  EXPECT_EQ(read_regular_file(folder / "a", 10), bytes_of("old"));
  EXPECT_EQ(folder.files(), 1u);
}

TEST(Safetensors, HeaderLengthIsChecked) {
  for (const std::uint64_t length :
       {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}, std::uint64_t{1} << 40}) {
    EXPECT_TRUE(refuses([&] { parse_safetensors(bytes_of(raw(length) + "{}"), "f"); }, "length"));
  }
  EXPECT_TRUE(
      refuses([] { parse_safetensors(bytes_of(raw<std::uint64_t>(3) + "{}"), "f"); }, "truncated"));
  EXPECT_TRUE(refuses([] { parse_safetensors(bytes_of("1234567"), "f"); }, "too short"));
  EXPECT_TRUE(parse_safetensors(file_of("{}"), "f").tensors.empty());
}

TEST(Safetensors, HeaderMustBePlainJsonOfTheFormat) {
  EXPECT_TRUE(header_refused(" {}", "", "begin with"));
  EXPECT_TRUE(header_refused("{}x", "", "JSON"));
  EXPECT_TRUE(header_refused(std::string("{}\0 x", 5), "", "NUL"));
  EXPECT_TRUE(header_refused("{\"a\":\"\xff\"}", "", "JSON"));
  EXPECT_TRUE(header_refused(R"({"\ud800":{}})", "", "JSON"));
  EXPECT_TRUE(header_refused("{\"a\":[]}", "", "a list"));
  EXPECT_TRUE(header_refused("{\"a\":{}}", "", "without dtype"));
  EXPECT_TRUE(header_refused(R"({"a":{"dtype":{}}})", "", "nested"));
  EXPECT_TRUE(header_refused(R"({"a":{"color":"F32"}})", "", "unknown field"));
  EXPECT_TRUE(header_refused("{\"a\":" + std::string(100000, '['), "", "a list"));
  EXPECT_TRUE(header_refused(R"({"__metadata__":{"a":{}}})", "", "nested"));
  EXPECT_EQ(parse_safetensors(file_of("{}   "), "f").tensors.size(), 0u);
}

TEST(Safetensors, DuplicateNamesFieldsAndMetadataAreRefused) {
  const std::string one = entry("U8", "[1]", "[0,1]");
  EXPECT_TRUE(header_refused("{\"a\":" + one + ",\"a\":" + one + "}", "x", "duplicate name"));
  EXPECT_TRUE(header_refused(R"({"a":{"shape":[1],"shape":[1]}})", "x", "duplicate field"));
  EXPECT_TRUE(header_refused(R"({"__metadata__":{"k":"","k":"2"}})", "", "duplicate metadata"));
}

TEST(Safetensors, ShapesAreNonNegativeIntegers) {
  for (const char* shape : {"[-1]", "[1.5]", "[\"3\"]", "[[1]]", "[1e0]", "[null]", "[true]",
                            "[99999999999999999999]", "3"}) {
    EXPECT_TRUE(header_refused("{\"a\":" + entry("U8", shape, "[0,1]") + "}", "x", "unexpected"))
        << shape;
  }
}

TEST(Safetensors, SizesMustEqualShapeTimesDtype) {
  const auto refused = [](const char* dtype, const char* shape, const char* offsets,
                          const char* part) {
    return header_refused("{\"a\":" + entry(dtype, shape, offsets) + "}", "12345678", part);
  };
  EXPECT_TRUE(refused("F32", "[3]", "[0,8]", "another number"));
  EXPECT_TRUE(refused("F32", "[4611686018427387904,4]", "[0,8]", "another number"));
  EXPECT_TRUE(refused("F32", "[4611686018427387904,4,0]", "[0,0]", "another number"));
  EXPECT_TRUE(refused("F32", "[3]", "[0,12]", "truncated"));
  EXPECT_TRUE(refused("F32", "[2]", "[8,0]", "offsets"));
  EXPECT_TRUE(refused("F32", "[1]", "[0,4]", "follow the last tensor"));
  EXPECT_TRUE(refused("F32", "[1]", "[4,8]", "hole"));
  EXPECT_TRUE(refused("f32", "[2]", "[0,8]", "unsupported dtype 'f32'"));
  EXPECT_TRUE(refused("C64", "[1]", "[0,8]", "unsupported dtype 'C64'"));
  EXPECT_TRUE(refused("F32", "[2]", "[0,8,8]", "without dtype"));
}

TEST(Safetensors, OverlapsAndHolesBetweenTensorsAreRefused) {
  const auto two = [](const char* first, const char* second) {
    return "{\"a\":" + entry("U8", "[2]", first) + ",\"b\":" + entry("U8", "[2]", second) + "}";
  };
  EXPECT_TRUE(header_refused(two("[0,2]", "[1,3]"), "123", "overlap"));
  EXPECT_TRUE(header_refused(two("[0,2]", "[3,5]"), "12345", "hole"));
  EXPECT_EQ(parse_safetensors(file_of(two("[2,4]", "[0,2]"), "1234"), "f").tensors.size(), 2u);
}

TEST(Safetensors, EmptyTensorsMayShareAnOffset) {
  const std::string header = "{\"a\":" + entry("U8", "[0]", "[1,1]") +
                             ",\"b\":" + entry("U8", "[]", "[0,1]") +
                             ",\"c\":" + entry("F32", "[2,0]", "[1,1]") + "}";
  const auto file = parse_safetensors(file_of(header, "x"), "f");
  EXPECT_EQ(file.tensors.at("c").numel(), 0);
  EXPECT_EQ(file.tensors.at("b").numel(), 1);
}

TEST(HostTensor, HalfPrecisionWidensExactly) {
  EXPECT_EQ(half_to_float(0x3c00), 1.0f);
  EXPECT_EQ(half_to_float(0xc000), -2.0f);
  EXPECT_EQ(half_to_float(0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(half_to_float(0x83ff), -std::ldexp(1023.0f, -24));
  EXPECT_EQ(half_to_float(0x7bff), 65504.0f);
  EXPECT_TRUE(std::signbit(half_to_float(0x8000)));
  EXPECT_EQ(half_to_float(0x7c00), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(half_to_float(0x7e00)));
  EXPECT_EQ(bfloat16_to_float(0x3f80), 1.0f);
  EXPECT_EQ(bfloat16_to_float(0x0001), std::ldexp(1.0f, -133));
}

TEST(HostTensor, ConversionsRefuseWhatTheyCannotHold) {
  HostTensor doubles{"F64", {2}, bytes_of(raw(1.0 + 1e-9) + raw(1e300))};
  EXPECT_TRUE(refuses([&] { doubles.to_floats("d"); }, "does not fit"));
  doubles.bytes = bytes_of(raw(1.0 + 1e-9) + raw(std::numeric_limits<double>::infinity()));
  EXPECT_EQ(doubles.to_floats("d")[0], 1.0f);
  EXPECT_TRUE(std::isinf(doubles.to_floats("d")[1]));
  EXPECT_TRUE(
      refuses([] { HostTensor::from_int64({1}, {3}).to_floats("n"); }, "'n' has dtype I64"));
  EXPECT_TRUE(refuses([] { HostTensor::from_floats({1}, {3}).to_int64("n"); }, "dtype F32"));
  EXPECT_TRUE(refuses([] { HostTensor::from_floats({2}, {3}); }, "does not hold"));
  EXPECT_EQ((HostTensor{"I32", {1}, bytes_of(raw<std::int32_t>(-5))}.to_int64("n")),
            std::vector<std::int64_t>{-5});
}

TEST(AtomicFile, ReadingNamesTheFault) {
  const test::TemporaryFolder folder;
  EXPECT_TRUE(refuses([&] { read_regular_file(folder / "none", 1); }, "No such file"));
  EXPECT_TRUE(refuses([&] { read_regular_file(folder / ".", 1); }, "is a directory"));
  EXPECT_TRUE(refuses([&] { read_regular_file("/dev/null", 1); }, "not a regular file"));
  write_file_atomically(folder / "a", "12345");
  EXPECT_TRUE(refuses([&] { read_regular_file(folder / "a", 4); }, "5 bytes, at most 4"));
  EXPECT_EQ(read_regular_file(folder / "a", 5), bytes_of("12345"));
}

TEST(RegularFile, WhatWasReadStaysWhenTheFileShrinks) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "a", "content");
  const SharedBytes content = RegularFile(folder / "a", 7).read();
  std::filesystem::resize_file(folder / "a", 0);
  EXPECT_EQ(content, SharedBytes(bytes_of("content")));
  EXPECT_TRUE(RegularFile(folder / "a", 0).read().empty());
}

TEST(SharedBytes, PartsOutliveTheBlockAndStayInside) {
  SharedBytes block = bytes_of("0123456789");
  const SharedBytes part = block.part(3, 4), inner = part.part(std::span(part).subspan(1, 2));
  block = {};
  EXPECT_EQ(part, SharedBytes(bytes_of("3456")));
  EXPECT_EQ(inner, SharedBytes(bytes_of("45")));
  EXPECT_TRUE(refuses([&] { part.part(3, 2); }, "outside"));
  EXPECT_TRUE(refuses([&] { part.part(5, 0); }, "outside"));
  EXPECT_TRUE(refuses([&] { inner.part(part); }, "outside"));
}

TEST(AtomicFile, WritingOntoAFolderIsRefusedAndMissingFoldersAreMade) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "x/y/z", "1");
  EXPECT_EQ(read_regular_file(folder / "x/y/z", 1), bytes_of("1"));
  EXPECT_TRUE(refuses([&] { write_file_atomically(folder / "x", "1"); }, "is a directory"));
  EXPECT_EQ(folder.files(), 1u);
}

TEST(Sha256, OfPartsEqualsThatOfTheWhole) {
  const auto whole = bytes_of("abc");
  const std::span<const std::byte> all(whole);
  const std::span<const std::byte> parts[] = {all.first(1), all.first(0), all.subspan(1)};
  EXPECT_EQ(sha256_hex_of_parts(parts), sha256_hex(whole));
}

TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(bytes_of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace frost
