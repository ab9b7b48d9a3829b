#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

// The rules of docs/architecture.md that a compiler does not check.
#include "tests/golden_files.h"

namespace frost {
namespace {

/// Each room includes only those before it; the files of tools/ itself are the programs.
const std::vector<std::string> kRooms = {
    "kernels",   "engine",       "weights",       "models",     "rl",        "tools/images",
    "tools/cli", "tools/config", "tools/reports", "tools/runs", "tools/lab", "tools"};

/// Folders that only their own room includes from.
const std::vector<std::string> kInnerFolders = {"kernels/cpu/", "kernels/cuda/",
                                                "weights/torch_archive/", "rl/communicator/mpi/"};

/// The most that a folder should list; more is a reason to look for a room in it.
constexpr std::size_t kMostFiles = 25;

struct SourceFile {
  std::string path;  ///< from the root
  std::size_t room;
  std::size_t lines = 0;
  std::vector<std::string> includes = {};

  std::string folder() const { return path.substr(0, path.rfind('/')); }
};

/// What an include line names; empty for any other line. clang-format has taken odd spaces out.
std::string included_file(const std::string& line) {
  constexpr std::string_view kBegin = "#include ";
  const std::size_t end = line.find_first_of(">\"", kBegin.size() + 1);
  if (!line.starts_with(kBegin) || end == std::string::npos) return "";
  return line.substr(kBegin.size() + 1, end - kBegin.size() - 1);
}

/// The room that holds a file or an include; kRooms.size() where none does.
std::size_t room_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  for (std::size_t room = 0; room < kRooms.size(); ++room) {
    if (kRooms[room] == "tools" ? path.substr(0, slash) == "tools"
                                : path.starts_with(kRooms[room] + "/")) {
      return room;
    }
  }
  return kRooms.size();
}

SourceFile read_source(const std::filesystem::path& root, const std::filesystem::path& path) {
  SourceFile file{std::filesystem::relative(path, root).string(), 0};
  file.room = room_of(file.path);
  std::ifstream in(path);
  for (std::string line; std::getline(in, line); ++file.lines) {
    if (std::string name = included_file(line); !name.empty()) file.includes.push_back(name);
  }
  return file;
}

std::vector<SourceFile> read_sources(const std::vector<std::string>& folders) {
  const std::filesystem::path root = source_path("");
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension().string();
      for (const char* source : {".h", ".cpp", ".cu", ".cuh"}) {
        if (extension == source) files.push_back(read_source(root, entry.path()));
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
    static const std::vector<SourceFile> all =
        read_sources({"kernels", "engine", "weights", "models", "rl", "tools"});
    return all;
  }
};

TEST_F(Layering, EveryRoomIsScannedAndEveryFileHasOne) {
  for (std::size_t room = 0; room < kRooms.size(); ++room) {
    const auto count = std::count_if(files().begin(), files().end(),
                                     [&](const SourceFile& f) { return f.room == room; });
    EXPECT_GE(count, 3) << kRooms[room];
  }
  for (const SourceFile& file : files()) EXPECT_LT(file.room, kRooms.size()) << file.path;
}

TEST_F(Layering, NoFileIncludesARoomAboveItsOwn) {
  for (const SourceFile& file : files()) {
    for (const std::string& include : file.includes) {
      const std::size_t room = room_of(include);
      EXPECT_TRUE(room == kRooms.size() || room <= file.room) << file.path << ": " << include;
      EXPECT_FALSE(starts_with_any(include, {"tests/", "bench/", "fuzz/", "..", "frostline/"}))
          << file.path << ": " << include;
    }
  }
}

TEST_F(Layering, NoFileIncludesThroughAWall) {
  for (const SourceFile& file : files()) {
    for (const std::string& include : file.includes) {
      if (room_of(include) == file.room) continue;
      EXPECT_FALSE(starts_with_any(include, kInnerFolders)) << file.path << ": " << include;
    }
  }
}

TEST_F(Layering, ProgramsIncludeNoProgramAndAreShort) {
  for (const SourceFile& file : files()) {
    if (kRooms[file.room] != "tools") continue;
    EXPECT_TRUE(file.path.ends_with(".cpp")) << file.path;
    EXPECT_LE(file.lines, 80U) << file.path;
  }
}

TEST_F(Layering, EverySourceHasItsHeader) {
  // Not where many sources implement one interface: kernel entry points, ops and programs.
  const std::vector<std::string> excepted = {"kernels/cpu", "kernels/cuda", "engine/ops", "tools"};
  // One class in two files: the second writes and reads its state.
  const std::string second_file = "rl/envs/durotaxis/durotaxis_state.cpp";
  for (const SourceFile& file : files()) {
    if (!file.path.ends_with(".cpp") || file.path == second_file) continue;
    if (std::count(excepted.begin(), excepted.end(), file.folder()) > 0) continue;
    const std::string header = file.path.substr(0, file.path.size() - 4) + ".h";
    EXPECT_TRUE(std::filesystem::exists(source_path(header))) << file.path << " has no " << header;
  }
}

TEST_F(Layering, FoldersAreSmall) {
  std::map<std::string, std::size_t> count;
  for (const SourceFile& file : files()) ++count[file.folder()];
  for (const SourceFile& file : read_sources({"tests", "bench", "fuzz"})) ++count[file.folder()];
  for (const auto& [folder, n] : count) EXPECT_LE(n, kMostFiles) << folder;
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

TEST_F(Layering, KernelsIncludeNoLibraryOfTheRoomsAbove) {
  for (const SourceFile& file : files()) {
    if (file.room != 0) continue;
    for (const std::string& include : file.includes) {
      EXPECT_FALSE(starts_with_any(include, {"fmt/", "spdlog/", "nlohmann/", "yaml-cpp/", "CLI/",
                                             "openssl/", "zlib", "jpeglib", "gif_lib"}))
          << file.path << ": " << include;
    }
  }
}

TEST_F(Layering, EveryKernelFamilyHasASourceOfItsNameInEachBackend) {
  const std::filesystem::path kernels = source_path("kernels");
  const auto has = [&](const std::string& file) { return std::filesystem::exists(kernels / file); };
  int families = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kernels / "families")) {
    const std::string name = entry.path().stem().string();
    EXPECT_TRUE(has("cpu/" + name + ".cpp")) << name;
    EXPECT_TRUE(has("cuda/" + name + ".cu") || has("cuda/" + name + ".cpp")) << name;
    ++families;
  }
  EXPECT_GE(families, 8);
}

TEST_F(Layering, KernelsOutsideThePolicyFamilyNameNoAlgorithmAndNoEnvironment) {
  const std::regex names("(^|[^a-z])(ppo|durotaxis|colony|colonies|cells?)([^a-z]|$)",
                         std::regex::icase);
  int policy_lines = 0;
  for (const SourceFile& file : files()) {
    if (file.room != 0) continue;
    const bool of_policy = file.path.find("policy") != std::string::npos;
    std::ifstream in(source_path(file.path));
    for (std::string line; std::getline(in, line);) {
      if (!std::regex_search(line, names)) continue;
      EXPECT_TRUE(of_policy) << file.path << ": " << line;
      policy_lines += of_policy;
    }
  }
  EXPECT_GE(policy_lines, 1) << "the names are not recognised";
}

TEST_F(Layering, OneEnvironmentIsKnownToItsFolderAndItsConfigurationOnly) {
  const std::regex words("colony|colonies|spawn|centroid|durotaxis", std::regex::icase);
  // Names in files and of the operating system, which stay what they are.
  const std::vector<std::string> names = {"actor.spawn_bias", "first choice was to spawn",
                                          "centroids",        "posix_spawn",
                                          "POSIX_SPAWN",      "<spawn.h>"};
  int known = 0;
  for (const SourceFile& file : files()) {
    const bool own = starts_with_any(file.path, {"rl/envs/durotaxis/", "tools/config/"});
    std::ifstream in(source_path(file.path));
    for (std::string line; std::getline(in, line);) {
      if (!std::regex_search(line, words)) continue;
      known += own;
      const bool excepted = std::any_of(names.begin(), names.end(), [&](const std::string& n) {
        return line.find(n) != std::string::npos;
      });
      EXPECT_TRUE(own || excepted) << file.path << ": " << line;
    }
  }
  EXPECT_GE(known, 100) << "the words are not recognised";
}

/// A line that prints to standard output, and one that writes a file.
const std::regex kPrints(
    "fmt::print(ln)?\\(|std::print(ln)?\\(|std::cout|\\bf?puts\\(|\\bputchar\\(|std::printf\\(|"
    "(^|[^/])\\bstdout\\b");
const std::regex kWrites("\\bofstream\\b|\\bfopen\\(");

TEST_F(Layering, WaysToPrintAreRecognised) {
  for (const char* line :
       {"fmt::print(\"x\");", "  fmt::println(\"x\");", "std::print(\"x\");",
        "std::println(\"x\");", "std::cout << x;", "std::puts(x);", "std::printf(\"x\");",
        "std::fputs(text.c_str(),", "std::fwrite(data, 1, size, stdout);"}) {
    EXPECT_TRUE(std::regex_search(line, kPrints)) << line;
  }
  EXPECT_FALSE(std::regex_search("std::fprintf(stderr, \"x\");", kPrints));
}

TEST_F(Layering, OutputsGoThroughThePlacesThatNoticeFailures) {
  // Standard output: tools/cli/standard_output. Files: engine/io/atomic_file and what is named
  // here.
  const std::vector<std::string> printers = {"tools/cli/standard_output."};
  // The last is a switch of the operating system.
  const std::vector<std::string> writers = {"tools/runs/logs/table_writer.cpp",
                                            "tools/reports/tensorboard.",
                                            "tools/reports/process_memory.cpp"};
  int printing = 0, writing = 0;
  for (const SourceFile& file : files()) {
    std::ifstream in(source_path(file.path));
    for (std::string line; std::getline(in, line);) {
      if (std::regex_search(line, kPrints)) {
        EXPECT_TRUE(starts_with_any(file.path, printers)) << file.path << ": " << line;
        ++printing;
      }
      if (std::regex_search(line, kWrites)) {
        EXPECT_TRUE(starts_with_any(file.path, writers)) << file.path << ": " << line;
        ++writing;
      }
    }
  }
  EXPECT_GE(printing, 1);
  EXPECT_GE(writing, 1);
}

TEST_F(Layering, SourceFilesStayUnder400Lines) {
  for (const SourceFile& file : files()) EXPECT_LE(file.lines, 400U) << file.path;
  for (const SourceFile& file : read_sources({"tests", "bench", "fuzz", "examples"})) {
    EXPECT_LE(file.lines, 400U) << file.path;
  }
}

}  // namespace
}  // namespace frost
