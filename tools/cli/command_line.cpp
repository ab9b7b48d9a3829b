#include "tools/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <charconv>

#include "kernels/errors.h"
#include "tools/cli/home_path.h"
#include "tools/cli/standard_output.h"

namespace frost {
namespace {

/// CLI11 would wrap -1 around and cut 2^64 off. Returns what is wrong, empty if nothing.
std::string unsigned_problem(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc{} && end == text.data() + text.size();
  return good ? "" : "'" + text + "' is not an integer from 0 to 2^64 - 1";
}

/// No value but a path begins with `~`.
CLI::Option* expanding_home(CLI::Option* option) {
  return option->transform([option](const std::string& value) {
    try {
      return expand_home(value);
    } catch (const UsageError& error) {
      throw UsageError(option->get_name() + " " + error.what());
    }
  });
}

CLI::Option* declare(CLI::App& app, const std::string& name, bool* target,
                     const std::string& description) {
  return app.add_flag(name, *target, description);
}

CLI::Option* declare(CLI::App& app, const std::string& name, std::vector<std::string>* target,
                     const std::string& description) {
  CLI::Option* option = expanding_home(app.add_option(name, *target, description));
  return option->allow_extra_args(name[0] != '-');
}

CLI::Option* declare(CLI::App& app, const std::string& name, std::string* target,
                     const std::string& description) {
  return expanding_home(app.add_option(name, *target, description));
}

CLI::Option* declare(CLI::App& app, const std::string& name, std::filesystem::path* target,
                     const std::string& description) {
  return expanding_home(app.add_option(name, *target, description));
}

CLI::Option* declare(CLI::App& app, const std::string& name, std::optional<std::uint64_t>* target,
                     const std::string& description) {
  return app.add_option(name, *target, description)->type_name("UINT")->check(unsigned_problem);
}

template <class T>
CLI::Option* declare(CLI::App& app, const std::string& name, T* target,
                     const std::string& description) {
  return app.add_option(name, *target, description);
}

}  // namespace

CommandLine::CommandLine(const std::string& description, const std::string& name)
    : app_(std::make_unique<CLI::App>(description, name)) {}

CommandLine::~CommandLine() = default;

void CommandLine::add(const std::string& name, OptionTarget target, const std::string& description,
                      const OptionRules& rules) {
  CLI::Option* option =
      std::visit([&](auto* value) { return declare(*app_, name, value, description); }, target);
  if (rules.required) option->required();
  if (rules.comma_list) option->delimiter(',');
  if (!rules.type.empty()) option->type_name(rules.type);
  if (rules.positive) option->check(CLI::PositiveNumber);
  if (rules.range) option->check(CLI::Range(rules.range->first, rules.range->second));
  if (!rules.one_of.empty()) option->check(CLI::IsMember(rules.one_of));
  if (rules.show_default) option->capture_default_str();
}

bool CommandLine::parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) throw UsageError(std::string(error.what()) + " (see --help)");
    print_text(app_->help());
    return false;
  }
}

}  // namespace frost
