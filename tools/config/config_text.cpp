#include "tools/config/config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "tools/config/config_retired.h"
#include "tools/config/config_rules.h"
#include "tools/config/config_schema.h"

// What is written from the table of keys: configuration files and their reference.
namespace frost {
namespace {

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> words{""};
  for (const char c : path) {
    if (c == '.') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

std::string comment(const ConfigKey& key) {
  std::string text = "  # " + key.doc;
  if (key.type.starts_with("one of")) text += "; " + key.type;
  return text;
}

/// Nested YAML lines, one key after the other in the order of the table, which keeps a group's keys
/// together.
class YamlWriter {
 public:
  explicit YamlWriter(const Config& config) : config_(config) {}

  /// `mark` stands before the key, `more` behind its value.
  void add(const ConfigKey& key, const char* mark = "", const std::string& more = "") {
    const std::vector<std::string> words = split_path(key.path);
    std::size_t depth = 0;
    while (depth < open_.size() && depth + 1 < words.size() && open_[depth] == words[depth]) {
      ++depth;
    }
    open_.assign(words.begin(), words.end() - 1);
    for (; depth + 1 < words.size(); ++depth) {
      yaml_ += std::string(2 * depth, ' ') + words[depth] + ":\n";
    }
    yaml_ +=
        fmt::format("{:{}}{}{}: {}{}\n", "", 2 * depth, mark, words.back(), key.get(config_), more);
  }
  void add_line(const std::string& line) { yaml_ += line + "\n"; }
  const std::string& text() const { return yaml_; }

 private:
  Config config_;
  std::string yaml_;
  std::vector<std::string> open_;  ///< groups the previous line was in
};

/// A cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

/// "several frames and ResNet bodies"
std::string needs_text(const ConfigKey& key) {
  std::string text;
  for (const KeyNeed* need : key.needs)
    text += (text.empty() ? "" : " and ") + std::string(need->what);
  return text;
}

std::string key_rows(const ConfigSection& section) {
  Config defaults;
  std::string rows = "| key | value | default | meaning | needs |\n|---|---|---|---|---|\n";
  for (const ConfigKey& key : config_keys()) {
    if (!key.path.starts_with(section.name + ".")) continue;
    std::string value = key.range.empty() ? key.type : key.type + ", " + key.range;
    if (key.null_means) {
      value +=
          fmt::format("; `null` means `{}`", key.null_means->empty() ? "\"\"" : *key.null_means);
    }
    rows += fmt::format("| `{}` | {} | `{}` | {} | {} |\n", key.path, cell(value),
                        cell(key.get(defaults)), cell(key.doc), needs_text(key));
  }
  return rows;
}

}  // namespace

std::string to_yaml(const Config& config) {
  YamlWriter writer(config);
  for (const ConfigKey* key : effective_keys(config)) writer.add(*key);
  return writer.text();
}

std::string default_config_yaml() {
  YamlWriter writer{Config{}};
  writer.add_line(
      "# Every key with its default, the recommended settings; docs/config.md has the ranges. "
      "Those "
      "behind\n# a '#' have no effect with the others as they are.");
  const std::vector<const ConfigKey*> read = effective_keys(Config{});
  for (const ConfigSection& section : config_sections()) {
    writer.add_line("\n# " + section.doc);
    for (const ConfigKey& key : config_keys()) {
      if (!key.path.starts_with(section.name + ".")) continue;
      const bool idle = key.of_run && std::find(read.begin(), read.end(), &key) == read.end();
      writer.add(key, idle ? "# " : "",
                 comment(key) + (idle ? fmt::format("; needs {}", needs_text(key)) : ""));
    }
  }
  return writer.text();
}

std::string config_reference_markdown() {
  std::string page =
      "# Configuration\n\n"
      "A configuration file is YAML. A key left out has its default; `config.yaml` in the root "
      "writes all of them out. `--set section.key=value`, repeatable, overrides the file, and "
      "`--seed`, `--device` and `--threads` override both. Unknown, duplicate and retired keys, "
      "wrong types and values out of range end a program with exit status 2 and one line that "
      "names file, line, key and remedy.\n\n"
      "So does a key without effect: where a row says what it needs, and the configured "
      "environment "
      "or another key does not give it, the key is refused. One of the file that an option leaves "
      "without effect is passed over. `config.yaml` of a run holds the keys that the run reads, "
      "and no "
      "others.\n\n"
      "Relative paths, here and on command lines, start at the folder that a program is started "
      "in, "
      "wherever the configuration file lies; `~/` at the beginning of a path is the home "
      "folder.\n\n"
      "This page is generated from the table that parses the files "
      "(`tools/config/config_schema.cpp`); `FROST_WRITE_GENERATED=1` makes the configuration test "
      "write "
      "it and `config.yaml` anew.\n";
  for (const ConfigSection& section : config_sections()) {
    page += fmt::format("\n## {}\n\n{}\n\n", section.name, section.doc) + key_rows(section);
  }
  page +=
      "\n## Keys with one accepted value\n\n"
      "Accepted so that a file may say what it relies on; any other value is an error.\n\n"
      "| key | value | why |\n|---|---|---|\n";
  for (const FixedKey& key : fixed_keys()) {
    page += fmt::format("| `{}` | `{}` | {} |\n", key.path, cell(key.value), cell(key.reason));
  }
  page += "\n## Rules between keys\n\n";
  for (const KeyRule& rule : key_rules()) {
    page += fmt::format("- `{}` is {} `{}`", rule.key, rule.relation_text(), rule.other_key);
    page += rule.only_if.empty() ? ".\n" : fmt::format(" where `{}` is true.\n", rule.only_if);
  }
  page +=
      "\n## Keys that are rejected by name\n\n"
      "Keys of other configuration files of this system, and what to do instead. A row stands "
      "for everything below its key.\n\n"
      "| key | remedy |\n|---|---|\n";
  for (const RetiredKey& key : retired_keys()) {
    page += fmt::format("| `{}` | {} |\n", key.path, cell(key.remedy));
  }
  return page;
}

}  // namespace frost
