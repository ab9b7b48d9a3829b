#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kernels/errors.h"
#include "tools/config/config.h"

namespace frost {

/// The one line of a rejected configuration; "accepted" for one that is not.
inline std::string problem(const std::string& yaml,
                           const std::vector<std::string>& overrides = {}) {
  try {
    parse_config(yaml, "x.yaml", overrides);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

inline std::string problem_of_file(const std::filesystem::path& path) {
  try {
    load_config(path, {});
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace frost
