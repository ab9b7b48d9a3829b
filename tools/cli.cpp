#include "tools/cli.h"

#include <CLI/CLI.hpp>
#include <charconv>

#include "kernels/status.h"

namespace frost {
namespace {

/// CLI11 would wrap -1 around and cut 2^64 off. Returns what is wrong, empty if nothing.
std::string unsigned_problem(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc{} && end == text.data() + text.size();
  return good ? "" : "'" + text + "' is not an integer from 0 to 2^64 - 1";
}

CLI::Option* declare(CLI::App& app, const std::string& name, bool* target,
                     const std::string& description) {
  return app.add_flag(name, *target, description);
}

CLI::Option* declare(CLI::App& app, const std::string& name, std::vector<std::string>* target,
                     const std::string& description) {
  return app.add_option(name, *target, description)->allow_extra_args(name[0] != '-');
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
    app_->exit(error);  // prints the help
    return false;
  }
}

void add_common_options(CommandLine& command_line, CommonOptions& options,
                        const std::string& seed_description) {
  command_line.add("--set", &options.overrides, "Override a key of the configuration, repeatable",
                   {.type = "KEY=VALUE"});
  command_line.add("--seed", &options.seed, seed_description);
  command_line.add("--device", &options.device,
                   "Where to compute (auto: a usable GPU, else the CPU)",
                   {.one_of = {"auto", "cpu", "cuda"}});
  command_line.add("--threads", &options.threads, kThreadsHelp, {.range = {{0, 1024}}});
  command_line.add("--quiet", &options.quiet, "Print results and errors only");
}

std::vector<std::string> config_overrides(const CommonOptions& options) {
  std::vector<std::string> all = options.overrides;
  if (options.seed) all.push_back("system.seed=" + std::to_string(*options.seed));
  if (!options.device.empty()) all.push_back("system.device=" + options.device);
  if (options.threads) all.push_back("system.threads=" + std::to_string(*options.threads));
  return all;
}

Config load_config(const std::string& path, const CommonOptions& options) {
  return load_config(std::filesystem::path(path), config_overrides(options));
}

}  // namespace frost
