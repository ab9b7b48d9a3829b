#pragma once

#include <string>
#include <vector>

namespace frost {

/// A key whose feature exists in one form only: any other value is an error.
struct FixedKey {
  std::string path, value, reason;
};

/// A key of earlier configuration files, or of a feature that is not there, and what to do instead.
/// Stands for everything below it; a trailing `*` matches any ending.
struct RetiredKey {
  std::string path, remedy;
};

const std::vector<FixedKey>& fixed_keys();
const std::vector<RetiredKey>& retired_keys();

}  // namespace frost
