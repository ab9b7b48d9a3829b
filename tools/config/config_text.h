#pragma once

#include <string>

#include "tools/config/config.h"

namespace frost {

/// Every key that a run of `config` reads, with its value; `parse_config` reads them back.
std::string to_yaml(const Config& config);

/// The text of the root's config.yaml: the defaults with one comment per key.
std::string default_config_yaml();

/// The text of docs/config.md, generated from the same table as everything above.
std::string config_reference_markdown();

}  // namespace frost
