#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

// The rules of docs/architecture.md that a compiler does not check.
namespace frost {
namespace {

const std::vector<std::string> kLayers = {"kernels", "engine", "models", "rl", "tools"};

struct SourceFile {
  std::string path;  ///< from the root
  std::size_t layer;
  std::size_t lines = 0;
  std::vector<std::string> includes = {};
};

/// What an include line names; empty for any other line. clang-format has taken odd spaces out.
std::string included_file(const std::string& line) {
  constexpr std::string_view kBegin = "#include ";
  const std::size_t end = line.find_first_of(">\"", kBegin.size() + 1);
  if (!line.starts_with(kBegin) || end == std::string::npos) return "";
  return line.substr(kBegin.size() + 1, end - kBegin.size() - 1);
}

SourceFile read_source(const std::filesystem::path& root, const std::filesystem::path& path,
                       std::size_t layer) {
  SourceFile file{std::filesystem::relative(path, root).string(), layer};
  std::ifstream in(path);
  for (std::string line; std::getline(in, line); ++file.lines) {
    if (std::string name = included_file(line); !name.empty()) file.includes.push_back(name);
  }
  return file;
}

std::vector<SourceFile> read_sources() {
  const std::filesystem::path root = FROST_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (std::size_t layer = 0; layer < kLayers.size(); ++layer) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / kLayers[layer])) {
      const std::string extension = entry.path().extension().string();
      for (const char* source : {".h", ".cpp", ".cu", ".cuh"}) {
        if (extension == source) files.push_back(read_source(root, entry.path(), layer));
      }
    }
  }
  return files;
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const std::string& b) { return text.starts_with(b); });
}

class Layering : public testing::Test {
 protected:
  static const std::vector<SourceFile>& files() {
    static const std::vector<SourceFile> all = read_sources();
    return all;
  }
};

TEST_F(Layering, EveryLayerIsScanned) {
  for (std::size_t layer = 0; layer < kLayers.size(); ++layer) {
    const auto count = std::count_if(files().begin(), files().end(),
                                     [&](const SourceFile& f) { return f.layer == layer; });
    EXPECT_GE(count, 3) << kLayers[layer];
  }
}

TEST_F(Layering, NoFileIncludesALayerAboveItsOwn) {
  for (const SourceFile& file : files()) {
    for (const std::string& include : file.includes) {
      for (std::size_t above = file.layer + 1; above < kLayers.size(); ++above) {
        EXPECT_FALSE(include.starts_with(kLayers[above] + "/")) << file.path << ": " << include;
      }
      EXPECT_FALSE(starts_with_any(include, {"tests/", "bench/", ".."}))
          << file.path << ": " << include;
    }
  }
}

TEST_F(Layering, VectorIntrinsicsAreInOneFile) {
  int found = 0;
  for (const SourceFile& file : files()) {
    for (const std::string& include : file.includes) {
      if (!starts_with_any(include, {"immintrin", "x86intrin", "arm_neon"})) continue;
      EXPECT_EQ(file.path, "kernels/cpu/simd.h") << include;
      ++found;
    }
  }
  EXPECT_GE(found, 1);
}

TEST_F(Layering, DeviceCodeFormatsNoText) {
  // fmt 9 and spdlog 1.10 do not compile in C++20 device code.
  for (const SourceFile& file : files()) {
    if (!file.path.ends_with(".cu") && !file.path.ends_with(".cuh")) continue;
    for (const std::string& include : file.includes) {
      EXPECT_FALSE(starts_with_any(include, {"fmt/", "spdlog/", "nlohmann/"}))
          << file.path << ": " << include;
    }
  }
}

TEST_F(Layering, KernelsKnowNoTensorsAndNoLibrariesOfTheProgramsAbove) {
  for (const SourceFile& file : files()) {
    if (file.layer != 0) continue;
    for (const std::string& include : file.includes) {
      EXPECT_FALSE(starts_with_any(include, {"spdlog/", "nlohmann/", "yaml-cpp/", "CLI/"}))
          << file.path << ": " << include;
    }
  }
}

TEST_F(Layering, SourceFilesStayUnder400Lines) {
  for (const SourceFile& file : files()) EXPECT_LE(file.lines, 400U) << file.path;
}

}  // namespace
}  // namespace frost
