#pragma once

#include <string>

namespace frost {

/// A path of a command line or configuration with the home folder in place of a leading `~`: $HOME,
/// else that of the password entry. Shells do so only outside of quotes. Throws UsageError, to be
/// read behind the name of what holds the path, for `~name`, and where there is no home.
std::string expand_home(const std::string& path);

}  // namespace frost
