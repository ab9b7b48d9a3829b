#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <ios>
#include <memory>
#include <string>

#include "rl/envs/gymnasium/gymnasium_environment.h"
#include "tests/golden_files.h"
#include "tests/text_files.h"

namespace frost {

/// The name of an environment of python_tasks.py or vector_tasks.py, which need Python and nothing
/// else.
inline std::string python_task(const std::string& member, const char* file = "python_tasks.py") {
  return "python:" + source_path(std::string("tests/rl/gymnasium/") + file).string() + ":" + member;
}
inline std::string vector_task(const std::string& member) {
  return python_task(member, "vector_tasks.py");
}

/// The factory of what `name` names over a pool of its own.
inline EnvironmentFactory pool_factory(const std::string& name, const std::string& kwargs = "{}",
                                       GymnasiumConfig config = {}) {
  config.kwargs = kwargs;
  return [pool = std::make_shared<WorkerPool>(name, config)] {
    return std::make_unique<GymnasiumEnvironment>(pool);
  };
}
inline EnvironmentFactory python_factory(const std::string& member,
                                         const std::string& kwargs = "{}",
                                         const GymnasiumConfig& config = {}) {
  return pool_factory(python_task(member), kwargs, config);
}

/// Processes whose command line holds `word`: of everybody, or children of `parent` alone.
inline int processes_with(const std::string& word, pid_t parent = 0) {
  const std::string of_parent = "\nPPid:\t" + std::to_string(parent) + "\n";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto holds = [&](const char* file, const std::string& text) {
      try {
        return read_text(entry.path() / file).find(text) != std::string::npos;
      } catch (const std::ios_base::failure&) {
        return false;  // it has ended meanwhile
      }
    };
    count += holds("cmdline", word) && (parent == 0 || holds("status", of_parent));
  }
  return count;
}

/// Whether python3 imports `modules`.
inline bool python_imports(const std::string& modules) {
  return std::system(("python3 -c 'import " + modules + "' > /dev/null 2>&1").c_str()) == 0;
}

inline bool python_found() {
  static const bool found =
      std::filesystem::exists(source_path("tests/rl/gymnasium")) && python_imports("sys");
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
