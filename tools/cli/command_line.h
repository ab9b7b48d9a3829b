#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace CLI {
class App;
}

namespace frost {

/// Where an option's value goes. A bool is a flag, a list takes the option repeatedly.
using OptionTarget =
    std::variant<bool*, int*, std::int64_t*, std::string*, std::filesystem::path*,
                 std::optional<int>*, std::optional<std::uint64_t>*, std::vector<std::string>*>;

/// What a value must obey, and what the help says of it beside the description.
struct OptionRules {
  bool required = false;
  bool positive = false;
  bool comma_list = false;  ///< one value holds several, separated by commas
  bool show_default = false;
  std::optional<std::pair<int, int>> range = {};
  std::vector<std::string> one_of = {};
  std::string type = {};  ///< name of the value in the help
};

/// The options of a program. CLI11 does the work; its header is included by cli.cpp alone, because
/// it costs seconds of compilation in each file that includes it.
class CommandLine {
 public:
  /// Without a name, the help calls the program as the user did.
  explicit CommandLine(const std::string& description, const std::string& name = "");
  ~CommandLine();

  /// An option ("--name", "-n,--name") or an argument ("NAME"); `target` must outlive the parsing.
  /// A text that begins with `~/` is a path in the home folder (`expand_home`).
  void add(const std::string& name, OptionTarget target, const std::string& description,
           const OptionRules& rules = {});

  /// False: the help was asked for and printed, so the program ends with 0. Throws UsageError for
  /// a wrong command line; call it inside `run_program`.
  bool parse(int argc, const char* const* argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

inline constexpr const char* kThreadsHelp =
    "CPU threads (0: OMP_NUM_THREADS, else the CPUs of affinity and container quota; more do no "
    "harm)";

}  // namespace frost
