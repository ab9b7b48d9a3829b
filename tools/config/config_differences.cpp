#include "tools/config/config_differences.h"

#include "tools/config/config_schema.h"

namespace frost {

std::vector<ConfigDifference> differences(const Config& a, const Config& b) {
  Config first = a, second = b;  // a key reads through the reference that it writes through
  std::vector<ConfigDifference> found;
  for (const ConfigKey& key : config_keys()) {
    std::string ours = key.get(first), theirs = key.get(second);
    if (ours != theirs) found.push_back({key.path, std::move(ours), std::move(theirs)});
  }
  return found;
}

}  // namespace frost
