#include "weights/npy.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "kernels/errors.h"
#include "tests/text_files.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

class NpyTest : public ::testing::Test {
 protected:
  NpyTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = fs::path(::testing::TempDir()) / (std::string("frost_npy_") + info->name() + ".npy");
  }
  ~NpyTest() override { fs::remove(path_); }

  void write_bytes(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary) << bytes;
  }

  /// A file of version `major` with the given header text and data.
  void write_file(const std::string& header, const std::string& data, int major = 1) const {
    std::string bytes = "\x93NUMPY";
    bytes += static_cast<char>(major);
    bytes += '\0';
    for (int i = 0; i < (major == 1 ? 2 : 4); ++i) {
      bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
    }
    write_bytes(bytes + header + data);
  }

  std::string read_bytes() const { return read_text(path_); }

  std::string read_error() const {
    try {
      read_npy(path_);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  fs::path path_;
};

template <typename T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

const std::string kPair = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";

TEST_F(NpyTest, WhatIsWrittenIsReadBack) {
  const std::vector<std::vector<std::int64_t>> shapes = {{}, {5}, {2, 3}, {1, 2, 3, 4}, {0, 7}};
  for (const auto& shape : shapes) {
    std::size_t count = 1;
    for (const auto size : shape) count *= static_cast<std::size_t>(size);
    NpyArray array{shape, std::vector<float>(count, -0.1F)};
    if (count > 1) array.values[1] = std::numeric_limits<float>::infinity();
    write_npy(path_, array);
    const NpyArray back = read_npy(path_);
    EXPECT_EQ(back.shape, shape);
    EXPECT_EQ(back.values, array.values);
  }
}

TEST_F(NpyTest, WrittenFileIsTheOneNumpyWrites) {
  write_npy(path_, {{3, 4}, std::vector<float>(12, 1.5F)});
  // numpy.save(f, numpy.full((3, 4), 1.5, 'f4')) of NumPy 2.4: 128 bytes of header, then the data.
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
  header.resize(117, ' ');
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += header + '\n' + raw(std::vector<float>(12, 1.5F));
  EXPECT_EQ(read_bytes(), expected);
}

TEST_F(NpyTest, BothVersionsAndBothFloatTypesAreRead) {
  write_file(kPair, raw<float>({1.0F, -2.5F}), 2);
  EXPECT_EQ(read_npy(path_).values, (std::vector<float>{1.0F, -2.5F}));
  write_file("{'shape': (1, 2), 'fortran_order': False, 'descr': '<f8'}", raw<double>({0.1, 3.0}));
  const NpyArray array = read_npy(path_);
  EXPECT_EQ(array.values, (std::vector<float>{0.1F, 3.0F}));
  EXPECT_EQ(array.shape, (std::vector<std::int64_t>{1, 2}));
}

TEST_F(NpyTest, UnsupportedContentIsRefusedWithTheReason) {
  const std::string data = raw<float>({1.0F, 2.0F});
  const auto header = [](const std::string& descr, const std::string& order,
                         const std::string& shape) {
    return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
  };
  const std::vector<std::pair<std::string, std::string>> faults = {
      {header("'<f4'", "True", "(1, 2)"), "Fortran order"},
      {header("'<i4'", "False", "(2,)"), "dtype '<i4'"},
      {header("'>f4'", "False", "(2,)"), "dtype '>f4'"},
      {header("'|O'", "False", "(2,)"), "dtype '|O'"},
      {header("[('a', '<f4')]", "False", "(2,)"), "header is not a dict"},
      {header("'<f4'", "False", "(3,)"), "holds 8 data bytes where its shape needs 12"},
      {header("'<f4'", "False", "(1,)"), "holds 8 data bytes where its shape needs 4"},
      {header("'<f4'", "False", "(-2,)"), "header is not a dict"},
      {header("'<f4'", "False", "(99999999999, 99999999999)"), "too large"},
      {header("'<f4'", "False", "(99999999999999999999,)"), "header is not a dict"},
      {header("'<f4'", "False", "(2,,)"), "header is not a dict"},
      {header("'<f4'", "False", "(2"), "header is not a dict"},
      {header("'<f\x07'", "False", "(2,)"), "header is not a dict"},
      {header("'<f4'", "0", "(2,)"), "header is not a dict"},
      {"{'descr': '<f4', 'fortran_order': False}", "header is not a dict"},
      {kPair + "x", "header is not a dict"},
      {std::string(4000, ' ') + "x", "header is not a dict"},
      {std::string(5000, ' '), "header of 5000 bytes"},
  };
  for (const auto& [text, reason] : faults) {
    write_file(text, data);
    const std::string message = read_error();
    EXPECT_NE(message.find(reason), std::string::npos) << reason << " | " << message;
    EXPECT_NE(message.find(path_.string()), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST_F(NpyTest, EveryTruncationIsRefused) {
  write_npy(path_, {{2, 3}, std::vector<float>(6, 2.0F)});
  const std::string whole = read_bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_bytes(whole.substr(0, size));
    EXPECT_FALSE(read_error().empty()) << size;
  }
}

TEST_F(NpyTest, Float64BeyondFloat32IsRefusedWithItsIndex) {
  write_file("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
             raw<double>({1.0, 1e300}));
  EXPECT_NE(read_error().find("at index 1"), std::string::npos);
}

TEST_F(NpyTest, NothingIsWrittenForAWrongShapeOrOntoAFolder) {
  EXPECT_THROW(write_npy(path_, {{2, 2}, {1.0F}}), Error);
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_THROW(write_npy(::testing::TempDir(), {{1}, {1.0F}}), Error);
}

}  // namespace
}  // namespace frost
