#pragma once

#include <string>
#include <vector>

#include "tools/config/config_binding.h"

namespace frost {

/// A first level of the file, with its one-line description.
struct ConfigSection {
  std::string name, doc;
};

/// The single table behind parsing, checks, `to_yaml` and docs/config.md, grouped by section.
const std::vector<ConfigKey>& config_keys();
const std::vector<ConfigSection>& config_sections();
}  // namespace frost
