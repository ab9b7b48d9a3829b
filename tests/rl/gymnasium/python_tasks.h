#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "rl/envs/gymnasium/gymnasium_environment.h"
#include "tests/golden_files.h"
#include "tests/text_files.h"

namespace frost {

/// The name of an environment of python_tasks.py, which needs Python and nothing else.
inline std::string python_task(const std::string& member) {
  return "python:" + source_path("tests/rl/gymnasium/python_tasks.py").string() + ":" + member;
}

/// Its factory over a pool of its own.
inline EnvironmentFactory python_factory(const std::string& member,
                                         const std::string& kwargs = "{}",
                                         GymnasiumConfig config = {}) {
  config.kwargs = kwargs;
  return [pool = std::make_shared<WorkerPool>(python_task(member), config)] {
    return std::make_unique<GymnasiumEnvironment>(pool);
  };
}

/// Processes whose command line holds `word`: of everybody, or children of `parent` alone.
inline int processes_with(const std::string& word, pid_t parent = 0) {
  const std::string of_parent = "\nPPid:\t" + std::to_string(parent) + "\n";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto holds = [&](const char* file, const std::string& text) {
      return read_text(entry.path() / file).find(text) != std::string::npos;
    };
    count += holds("cmdline", word) && (parent == 0 || holds("status", of_parent));
  }
  return count;
}

inline bool python_found() {
  static const bool found = std::filesystem::exists(source_path("tests/rl/gymnasium")) &&
                            std::system("python3 -c pass > /dev/null 2>&1") == 0;
  return found;
}

/// Skipped where there is no Python.
class PythonTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!python_found()) GTEST_SKIP() << "no python3 in PATH, or no sources of the tests";
  }
};

}  // namespace frost
