#include "tools/cli/home_path.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "kernels/errors.h"

namespace frost {
namespace {

/// Empty where there is none.
std::string home_folder() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return home;
  const passwd* entry = ::getpwuid(::getuid());
  return entry == nullptr ? "" : entry->pw_dir;
}

}  // namespace

std::string expand_home(const std::string& path) {
  if (!path.starts_with('~')) return path;
  if (path.size() > 1 && path[1] != '/') {
    throw UsageError("is '" + path + "': give the full path of another user's folder, or ./" +
                     path + " for a file of that name");
  }
  const std::string home = home_folder();
  if (home.empty()) {
    throw UsageError("is '" + path +
                     "', and there is no home folder (HOME, password entry): give the full path");
  }
  return home + path.substr(1);
}

}  // namespace frost
