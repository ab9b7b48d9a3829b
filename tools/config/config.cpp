#include "tools/config/config.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "rl/envs/durotaxis/features.h"
#include "tools/config/config_retired.h"
#include "tools/config/config_rules.h"
#include "tools/config/config_schema.h"
#include "tools/config/environments.h"

namespace frost {
namespace {

/// Throws UsageError on one line, whatever the file put into the message.
[[noreturn]] void usage_error(const std::string& where, const std::string& message) {
  std::string line = where + ": " + message;
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  throw UsageError(line);
}

bool is_inside(const std::string& path, const std::string& section) {
  return path.size() > section.size() && path.starts_with(section) && path[section.size()] == '.';
}

template <typename Row>
const Row* find_row(const std::vector<Row>& rows, const std::string& path) {
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const Row& candidate) { return candidate.path == path; });
  return row == rows.end() ? nullptr : &*row;
}

/// The longest row that stands for `path`, so that a key's own remedy wins over its section's.
const RetiredKey* find_retired(const std::string& path) {
  const RetiredKey* best = nullptr;
  for (const RetiredKey& row : retired_keys()) {
    const bool covers = row.path.ends_with('*')
                            ? path.starts_with(row.path.substr(0, row.path.size() - 1))
                            : path == row.path || is_inside(path, row.path);
    if (covers && (best == nullptr || row.path.size() > best->path.size())) best = &row;
  }
  return best;
}

/// Whether the tables know keys below `path`.
bool is_section(const std::string& path) {
  const auto inside = [&](const auto& row) { return is_inside(row.path, path); };
  return std::any_of(config_keys().begin(), config_keys().end(), inside) ||
         std::any_of(fixed_keys().begin(), fixed_keys().end(), inside) ||
         std::any_of(retired_keys().begin(), retired_keys().end(), inside);
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

std::string last_word(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

/// The key of the same name in another section, else the nearest one; empty if none is near.
std::string nearest_key(const std::string& path) {
  std::vector<std::string> candidates;
  for (const ConfigKey& key : config_keys()) {
    if (last_word(key.path) == last_word(path)) return key.path;
    candidates.push_back(key.path);
    for (auto dot = key.path.find('.'); dot != key.path.npos; dot = key.path.find('.', dot + 1)) {
      candidates.push_back(key.path.substr(0, dot));
    }
  }
  const auto closer = [&](const std::string& a, const std::string& b) {
    return edit_distance(path, a) < edit_distance(path, b);
  };
  const std::string best = *std::min_element(candidates.begin(), candidates.end(), closer);
  return edit_distance(path, best) <= std::max<std::size_t>(2, path.size() / 3) ? best : "";
}

/// Hears a document and keeps nothing.
class Listener : public YAML::EventHandler {
  using Mark = YAML::Mark;
  using Tag = std::string;

  void OnDocumentStart(const Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const Mark&, YAML::anchor_t) override {}
  void OnAlias(const Mark&, YAML::anchor_t) override {}
  void OnScalar(const Mark&, const Tag&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const Mark&, const Tag&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const Mark&, const Tag&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

/// Asks for two documents at most: yaml-cpp's LoadAll makes empty ones without end of some texts.
bool several_documents(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Listener listener;
  return parser.HandleNextDocument(listener) && parser.HandleNextDocument(listener);
}

/// `left` is how many more values may follow. Anchors let a list hold itself, or spell 2^n values
/// in n lines.
ConfigValue to_value(const YAML::Node& node, const std::string& place, int& left) {
  if (--left < 0) usage_error(place, "a list of more than 1024 values");
  ConfigValue value;
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      break;
    case YAML::NodeType::Map:
      value.kind = ConfigValue::Kind::kMap;
      for (const auto& pair : node) {
        value.names.push_back(pair.first.IsScalar() ? pair.first.Scalar() : "");
        value.items.push_back(to_value(pair.second, place, left));
      }
      break;
    case YAML::NodeType::Scalar:
      value.kind = ConfigValue::Kind::kScalar;
      value.text = node.Scalar();
      value.quoted = node.Tag() != "?";  // the parser's mark of a plain scalar
      break;
    case YAML::NodeType::Sequence:
      value.kind = ConfigValue::Kind::kList;
      for (const YAML::Node& item : node) value.items.push_back(to_value(item, place, left));
      break;
  }
  return value;
}

ConfigValue to_value(const YAML::Node& node, const std::string& place) {
  int left = 1024;
  return to_value(node, place, left);
}

std::string as_text(const ConfigValue& value) {
  if (value.kind == ConfigValue::Kind::kScalar) return value.text;
  if (value.kind != ConfigValue::Kind::kList) return "";
  std::string list;
  for (const ConfigValue& item : value.items) list += (list.empty() ? "" : ", ") + as_text(item);
  return "[" + list + "]";
}

/// Fills a Config from one YAML file and then from overrides.
class Loader {
 public:
  explicit Loader(std::string origin) : origin_(std::move(origin)) {}

  void read(const std::string& text) {
    const YAML::Node root = parse(text, origin_);
    if (root.IsNull()) return;
    if (!root.IsMap()) usage_error(origin_, "expected 'section: {key: value}' at the top");
    read_map("", root);
  }

  void override_with(const std::string& assignment) {
    label_ = "--set " + assignment;
    lines_.clear();
    const auto equals = assignment.find('=');
    if (equals == 0 || equals == assignment.npos) usage_error(label_, "expected --set key=value");
    read_key(assignment.substr(0, equals), parse(assignment.substr(equals + 1), label_), label_);
  }

  /// Ends the file, before the overrides. Keys that have an effect in it are not held against one
  /// that changes what they need; in a file that a run wrote, no key is.
  void end_file(bool of_run) {
    environment_of_file_ = config_.environment_name;
    const std::set<std::string> given = given_keys();
    if (of_run) excused_ = given;
    try {
      // An earlier version, which left reference environments their own time limit.
      if (of_run && find_idle_key(config_, given)) given_.erase(kTimeLimitKey);
      for (const ConfigKey* key : effective_keys(config_)) {
        if (key->path != kGroupsKey) excused_.insert(key->path);  // a part of it may have an effect
      }
    } catch (const Error&) {  // no such environment, unless an override makes it one
      excused_ = given;
    }
  }

  Config finish() const {
    check_environment();
    if (const auto conflict = find_conflict(config_)) reject(*conflict);
    std::set<std::string> asked = given_keys();
    for (const std::string& key : excused_) asked.erase(key);
    if (const auto idle = find_idle_key(config_, asked)) reject(*idle);
    Config config = config_;
    if (!time_limit_given()) config.environment.max_steps = Config{}.environment.max_steps;
    if (const int limit = environment_spec(config).time_limit;
        !has_own_section(config) && !time_limit_given() && limit > 0) {
      config.environment.max_steps = limit;
    }
    if (const std::int64_t steps = config.ppo.total_steps; steps > 0) {
      const int per_update = config.ppo.rollout_steps;
      config.ppo.total_updates = static_cast<int>((steps + per_update - 1) / per_update);
      config.ppo.total_steps = 0;
    }
    config.ppo.lr_schedule.total_updates = config.ppo.total_updates;
    config.environment.reward.distance.discount = config.ppo.gamma;
    return config;
  }

 private:
  static constexpr const char* kTimeLimitKey = "environment.max_steps";

  /// That of a file is for the environment of the file.
  bool time_limit_given() const {
    const auto given = given_.find(kTimeLimitKey);
    if (given == given_.end()) return false;
    return config_.environment_name == environment_of_file_ || given->second.starts_with("--set ");
  }

  /// What somebody's library refuses is said with its place too.
  void check_environment() const {
    try {
      environment_spec(config_);
    } catch (const UsageError& error) {
      const std::string what = error.what(), options = "environment.options";
      reject({{what.starts_with(options) ? options : "environment.name"}, what});
    }
  }

  std::set<std::string> given_keys() const {
    std::set<std::string> keys;
    for (const auto& [key, place] : given_) keys.insert(key);
    return keys;
  }

  /// Throws UsageError where the first of the conflict's keys that was given got its value.
  [[noreturn]] void reject(const ConfigConflict& conflict) const {
    for (const std::string& key : conflict.keys) {
      if (const auto given = given_.find(key); given != given_.end())
        usage_error(given->second, conflict.message);
    }
    usage_error(origin_, conflict.message);
  }

  static YAML::Node parse(const std::string& text, const std::string& where) {
    try {
      if (several_documents(text)) usage_error(where, "holds several YAML documents; give one");
      return YAML::Load(text);
    } catch (const YAML::Exception& error) {
      usage_error(fmt::format("{}:{}:{}", where, error.mark.line + 1, error.mark.column + 1),
                  "YAML syntax error: " + error.msg);
    }
  }

  /// "file:line" of a node of the file; an override has no lines.
  std::string where(const YAML::Node& node) const {
    return label_.empty() ? fmt::format("{}:{}", origin_, node.Mark().line + 1) : label_;
  }

  void read_map(const std::string& section, const YAML::Node& map) {
    for (const auto& pair : map) {
      const YAML::Node &key = pair.first, &value = pair.second;
      if (!key.IsScalar()) usage_error(where(key), "expected a key, not a list or a group");
      const std::string path = section.empty() ? key.Scalar() : section + "." + key.Scalar();
      const auto [first, is_new] = lines_.emplace(path, key.Mark().line + 1);
      if (!is_new) {
        usage_error(where(key), fmt::format("duplicate key '{}', first given in line {}; keep one",
                                            path, first->second));
      }
      read_key(path, value, where(key));
    }
  }

  void read_key(const std::string& path, const YAML::Node& node, const std::string& place) {
    if (const ConfigKey* key = find_row(config_keys(), path)) {
      set(*key, to_value(node, place), place);
    } else if (const FixedKey* fixed = find_row(fixed_keys(), path)) {
      if (as_text(to_value(node, place)) != fixed->value) {
        usage_error(place, fmt::format("'{}' must be {}: {}", path, fixed->value, fixed->reason));
      }
    } else if (is_section(path) && node.IsMap() && node.size() > 0) {
      read_map(path, node);
    } else if (const RetiredKey* retired = find_retired(path)) {
      usage_error(place, fmt::format("key '{}' is not used: {}", path, retired->remedy));
    } else if (is_section(path)) {
      if (node.IsNull() || node.IsMap()) return;
      usage_error(place,
                  fmt::format("'{}' is a group of keys, expected 'key: value' below it", path));
    } else {
      const std::string nearest = nearest_key(path);
      usage_error(place, fmt::format("unknown key '{}', {}", path,
                                     nearest.empty() ? "docs/config.md lists the valid ones"
                                                     : "did you mean '" + nearest + "'?"));
    }
  }

  void set(const ConfigKey& key, ConfigValue value, const std::string& place) {
    if (value.kind == ConfigValue::Kind::kNull && key.null_means) {
      value.kind = ConfigValue::Kind::kScalar;
      value.text = *key.null_means;
    }
    try {
      key.set(config_, value);
    } catch (const UsageError& error) {
      usage_error(place, fmt::format("'{}' {}", key.path, error.what()));
    }
    given_[key.path] = place;
    excused_.erase(key.path);
    settle_length(key.path, place);
  }

  /// The length of the training is said once per source, in updates or in steps; a later source
  /// takes the place of an earlier one.
  void settle_length(const std::string& path, const std::string& place) {
    const std::string updates = "algorithm.total_updates", steps = "algorithm.total_steps";
    if (path != updates && path != steps) return;
    if (config_.ppo.total_steps > 0 && lines_.contains(updates) && lines_.contains(steps)) {
      usage_error(place, fmt::format("'{}' and '{}' both give the length of the training; keep one",
                                     updates, steps));
    }
    if (path == updates) config_.ppo.total_steps = 0;
  }

  std::string origin_;
  std::string label_;                 ///< of the override being read; empty while reading the file
  std::map<std::string, int> lines_;  ///< keys seen in the current source
  std::map<std::string, std::string> given_;  ///< where each key got its value
  std::string environment_of_file_;
  std::set<std::string> excused_;  ///< keys of the file that may be without effect
  Config config_;
};

std::string read_file(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    usage_error(name, "no such configuration file: tried " + full_path(path) +
                          "; see config.yaml and configs/");
  }
  if (std::filesystem::is_directory(status)) {
    usage_error(name, "is a directory; give a configuration file such as config.yaml");
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  try {  // not by <<, which takes memory that fails for the end of the text
    if (file) text.assign(std::istreambuf_iterator<char>(file), {});
  } catch (const std::ios_base::failure&) {
    file.setstate(std::ios::badbit);
  }
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof())) {
    usage_error(name, fmt::format("cannot be read: {}", std::strerror(errno != 0 ? errno : EIO)));
  }
  return text;
}

}  // namespace

Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  return parse_config(read_file(path), path.string(), overrides);
}

Config parse_config(const std::string& yaml_text, const std::string& origin,
                    const std::vector<std::string>& overrides) {
  Loader loader(origin);
  loader.read(yaml_text);
  loader.end_file(false);
  for (const std::string& assignment : overrides) loader.override_with(assignment);
  return loader.finish();
}

Config parse_run_config(const std::string& yaml_text, const std::string& origin,
                        const std::vector<std::string>& overrides) {
  Loader loader(origin);
  loader.read(yaml_text);
  loader.end_file(true);
  for (const std::string& assignment : overrides) loader.override_with(assignment);
  return loader.finish();
}

}  // namespace frost
