#pragma once

#include <string>
#include <vector>

#include "tools/config/config_binding.h"

namespace frost {

/// The keys of Python environments.
std::vector<ConfigKey> gymnasium_keys();

/// Throws UsageError unless a Python environment's name says which one.
void require_python_name(const std::string& name);

/// A value of YAML as JSON: `null`, `true`, `false` and numbers as they are, other plain scalars
/// and those in quotes as texts.
std::string to_json(const ConfigValue& value);

}  // namespace frost
