#include "tools/config/config_differences.h"

#include <algorithm>

#include "tools/config/config_rules.h"
#include "tools/config/config_schema.h"

namespace frost {

std::vector<ConfigDifference> differences(const Config& a, const Config& b) {
  Config first = a, second = b;  // a key reads through the reference that it writes through
  const std::vector<const ConfigKey*> read_by_a = effective_keys(a), read_by_b = effective_keys(b);
  const auto holds = [](const std::vector<const ConfigKey*>& keys, const ConfigKey& key) {
    return std::find(keys.begin(), keys.end(), &key) != keys.end();
  };
  std::vector<ConfigDifference> found;
  for (const ConfigKey& key : config_keys()) {
    if (!holds(read_by_a, key) && !holds(read_by_b, key)) continue;
    std::string ours = key.get(first), theirs = key.get(second);
    if (ours != theirs) found.push_back({key.path, std::move(ours), std::move(theirs)});
  }
  return found;
}

}  // namespace frost
