#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/golden_files.h"

namespace frost {
namespace {

std::string text_of(const std::string& name) {
  std::ifstream file(source_path(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Documents, TheExampleOfAnEnvironmentIsTheFileThatTestsBuild) {
  const std::string example = text_of("examples/own_picture_environment.cpp");
  ASSERT_FALSE(example.empty());
  EXPECT_NE(text_of("docs/environments.md").find("```cpp\n" + example + "```\n"), std::string::npos)
      << "copy examples/own_picture_environment.cpp into docs/environments.md";
}

}  // namespace
}  // namespace frost
