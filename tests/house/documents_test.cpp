#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/golden_files.h"
#include "tests/text_files.h"

namespace frost {
namespace {

TEST(Documents, TheExampleOfAnEnvironmentIsTheFileThatTestsBuild) {
  const std::string example = read_text(source_path("examples/own_picture_environment.cpp"));
  ASSERT_FALSE(example.empty());
  EXPECT_NE(read_text(source_path("docs/environments.md")).find("```cpp\n" + example + "```\n"),
            std::string::npos)
      << "copy examples/own_picture_environment.cpp into docs/environments.md";
}

}  // namespace
}  // namespace frost
