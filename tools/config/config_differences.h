#pragma once

#include <string>
#include <vector>

#include "tools/config/config.h"

namespace frost {

/// A key that two configurations give different values; both as they are written in a file.
struct ConfigDifference {
  std::string key, first, second;
};

/// Every key whose value differs between `a` and `b`, of those that a run of either reads, in the
/// order of docs/config.md.
///
/// Both are compared as they are resolved: a length given in steps equals the same in updates.
std::vector<ConfigDifference> differences(const Config& a, const Config& b);

}  // namespace frost
