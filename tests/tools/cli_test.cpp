#include "tools/cli/command_line.h"
#include "tools/config/common_options.h"

#include <gtest/gtest.h>

#include <pwd.h>
#include <unistd.h>
#include <optional>

#include <cstdlib>
#include <new>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "kernels/out_of_memory.h"
#include "kernels/parallel_for.h"
#include "tests/golden_files.h"
#include "tools/cli/home_path.h"
#include "tools/cli/log.h"
#include "tools/cli/program.h"
#include "tools/config/config_text.h"

namespace frost {
namespace {

/// Parses a command line of a program with one positional CONFIG.
struct Program {
  CommandLine command_line{"A program"};
  CommonOptions options;
  std::string config;

  Program() {
    command_line.add("CONFIG", &config, "configuration file", {.required = true});
    add_common_options(command_line, options);
  }
  bool parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "program");
    return command_line.parse(static_cast<int>(arguments.size()), arguments.data());
  }
  std::string problem(const std::vector<const char*>& arguments) {
    try {
      parse(arguments);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  }
};

std::string config_file(const char* name) {
  return source_path(name).string();
}

TEST(CommandLine, SetTakesOneOverrideAndRepeats) {
  Program program;
  ASSERT_TRUE(program.parse({"--set", "a.b=1", "file.yaml", "--set=a.c=[1, 2]", "--quiet"}));
  EXPECT_EQ(program.config, "file.yaml");
  EXPECT_EQ(program.options.overrides, (std::vector<std::string>{"a.b=1", "a.c=[1, 2]"}));
  EXPECT_TRUE(program.options.quiet);
  EXPECT_FALSE(program.options.seed.has_value());
  EXPECT_FALSE(program.options.threads.has_value());
}

TEST(CommandLine, OptionsWinOverSetAndFile) {
  Program program;
  ASSERT_TRUE(program.parse({"x", "--set", "system.seed=3", "--set", "system.threads=4", "--seed",
                             "18446744073709551615", "--device", "cpu"}));
  const Config config = load_config(config_file("config.yaml"), program.options);
  EXPECT_EQ(config.system.seed, 18446744073709551615u);
  EXPECT_EQ(config.system.threads, 4);
  EXPECT_EQ(config.system.device, "cpu");
}

TEST(CommandLine, WithoutOptionsTheFileRules) {
  Program program;
  ASSERT_TRUE(program.parse({"x"}));
  const std::string file = config_file("config.yaml");
  const std::vector<std::string> no_overrides;
  EXPECT_EQ(to_yaml(load_config(file, program.options)), to_yaml(load_config(file, no_overrides)));
}

TEST(CommandLine, WrongUsageIsOneLineThatPointsToTheHelp) {
  const std::vector<std::vector<const char*>> cases = {
      {},
      {"x", "--sed", "3"},
      {"x", "--seed", "-1"},
      {"x", "--seed", "many"},
      {"x", "--seed", "18446744073709551616"},
      {"x", "--device", "tpu"},
      {"x", "--threads", "-1"},
      {"x", "--threads", "2.5"},
      {"x", "--set"},
      {"x", "y"},
  };
  for (const auto& arguments : cases) {
    const std::string message = Program().problem(arguments);
    EXPECT_NE(message.find("(see --help)"), std::string::npos)
        << message << " for " << (arguments.size() > 1 ? arguments[1] : "nothing");
  }
}

TEST(CommandLine, HelpEndsTheProgramWell) {
  testing::internal::CaptureStdout();
  EXPECT_FALSE(Program().parse({"--help"}));
  const std::string help = testing::internal::GetCapturedStdout();
  for (const char* option : {"--set", "--seed", "--device", "--threads", "--quiet", "CONFIG"}) {
    EXPECT_NE(help.find(option), std::string::npos) << help;
  }
}

/// Another value of HOME, or none, while it lives.
class Home {
 public:
  explicit Home(const char* value) {
    if (const char* home = std::getenv("HOME")) before_ = home;
    set(value);
  }
  ~Home() { set(before_ ? before_->c_str() : nullptr); }

 private:
  static void set(const char* value) {
    value == nullptr ? ::unsetenv("HOME") : ::setenv("HOME", value, 1);
  }
  std::optional<std::string> before_;
};

TEST(HomePath, StandsForATildeInFrontAlone) {
  const Home home("/home/ada");
  EXPECT_EQ(expand_home("~"), "/home/ada");
  EXPECT_EQ(expand_home("~/runs/~x"), "/home/ada/runs/~x");
  for (const char* other : {"", "runs", "./~x", "a~/b", "/~/x"}) {
    EXPECT_EQ(expand_home(other), other);
  }
  EXPECT_THROW(expand_home("~bob/x"), UsageError);
}

TEST(HomePath, IsThatOfThePasswordEntryWhereTheEnvironmentHasNone) {
  const passwd* entry = ::getpwuid(::getuid());
  if (entry == nullptr) GTEST_SKIP() << "this user has no password entry";
  for (const char* none : {static_cast<const char*>(nullptr), ""}) {
    const Home home(none);
    EXPECT_EQ(expand_home("~/x"), entry->pw_dir + std::string("/x"));
  }
}

TEST(HomePath, IsExpandedInOptionsOfEveryKindAndInTheConfiguration) {
  const Home home("/home/ada");
  Program program;
  std::string out;
  std::filesystem::path csv;
  std::vector<std::string> inputs;
  program.command_line.add("-o,--out", &out, "");
  program.command_line.add("--csv", &csv, "");
  program.command_line.add("INPUT", &inputs, "");
  ASSERT_TRUE(program.parse({"~/c.yaml", "--out=~/o", "--csv", "~/t.csv", "~/a", "b", "--set",
                             "trainer.save_dir=~/runs", "--set", "actor_critic.weights_path=~/w"}));
  EXPECT_EQ(program.config, "/home/ada/c.yaml");
  EXPECT_EQ(out, "/home/ada/o");
  EXPECT_EQ(csv, "/home/ada/t.csv");
  EXPECT_EQ(inputs, (std::vector<std::string>{"/home/ada/a", "b"}));
  const Config config = load_config(config_file("config.yaml"), program.options);
  EXPECT_EQ(config.run.save_dir, "/home/ada/runs");
  EXPECT_EQ(config.model.backbone.weights_path, "/home/ada/w");

  EXPECT_TRUE(Program().problem({"~bob/c.yaml"}).starts_with("CONFIG is '~bob/c.yaml': give"));
  Program other;
  ASSERT_TRUE(other.parse({"x", "--set", "trainer.save_dir=~bob"}));
  EXPECT_THROW(load_config(config_file("config.yaml"), other.options), UsageError);
}

/// Exit status and standard error of a program with this body.
std::pair<int, std::string> outcome(const std::function<int()>& body) {
  testing::internal::CaptureStderr();
  const int status = run_program(body, "; lower the sizes");
  return {status, testing::internal::GetCapturedStderr()};
}

TEST(Log, ThatCannotBeWrittenIsToldOnceAndEndsNothing) {
  const auto log_twice = [] {
    open_log("/dev/full", true);
    log_line("one");
    log_line("two");
    std::_Exit(0);
  };
  EXPECT_EXIT(log_twice(), testing::ExitedWithCode(0),
              "^warning: the log is incomplete: [^\n]*No space left on device\n$");
}

TEST(RunProgram, MapsExceptionsToOneLineAndAnExitStatus) {
  using Outcome = std::pair<int, std::string>;
  EXPECT_EQ(outcome([] { return 0; }), Outcome(0, ""));
  EXPECT_EQ(outcome([] { return 3; }), Outcome(3, ""));
  EXPECT_EQ(outcome([]() -> int { throw UsageError("bad key"); }), Outcome(2, "error: bad key\n"));
  EXPECT_EQ(outcome([]() -> int { throw Error("[op] bad\nfile"); }),
            Outcome(1, "error: [op] bad file\n"));
  EXPECT_EQ(outcome([]() -> int { throw std::runtime_error("broken"); }),
            Outcome(1, "error: broken\n"));
}

TEST(RunProgram, OutOfMemoryTellsWhatToLowerAndWhoHoldsWhat) {
  const std::string advice = "; lower the sizes\n";
  EXPECT_EQ(outcome([]() -> int { throw std::bad_alloc(); }),
            std::pair(1, "error: out of memory" + advice));
  MemoryLedger ledger;
  ledger.add(MemoryTag::kSaved, 5 << 20);
  const auto [status, text] =
      outcome([&]() -> int { throw out_of_host_memory(64 << 20, ledger.snapshot()); });
  EXPECT_EQ(status, 1);
  EXPECT_TRUE(text.starts_with("error: out of memory: 64.0 MiB asked for" + advice +
                               "memory (MiB)        live       peak\n"))
      << text;
  EXPECT_NE(text.find("  saved               5.00       5.00\n"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("  total               5.00       5.00\n")) << text;
}

TEST(RunProgram, ANewThatFailsOnAnyThreadTellsTheSame) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer ends the program itself at such a request";
#endif
  const auto fails = [](std::int64_t) {
    static_cast<void>(std::vector<char>(std::size_t{1} << 62));
  };
  set_thread_budget(2, 2);
  const auto [status, text] = outcome([&] {
    cpu_backend();
    parallel_for(2, 1'000'000, fails);
    return 0;
  });
  set_thread_budget(0);
  EXPECT_EQ(status, 1);
  EXPECT_TRUE(text.starts_with("error: out of memory; lower the sizes\n")) << text;
  EXPECT_NE(text.find("\n  parameters "), std::string::npos) << text;
}

}  // namespace
}  // namespace frost
