#include "engine/io/folder.h"

#include <dirent.h>

#include <memory>

namespace frost {

std::vector<std::string> folder_names(const std::filesystem::path& folder) {
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(::opendir(folder.c_str()), close);
  std::vector<std::string> names;
  while (stream != nullptr) {
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  return names;
}

}  // namespace frost
