#include <fcntl.h>
#include <pty.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <thread>

#include "tests/tools/programs_fixture.h"
#include "tools/runs/checkpoint.h"
#include "tools/runs/trainer.h"
#include "weights/npy.h"

// What becomes of a program's work when what it prints cannot be written.
namespace frost {
namespace {

/// A program that prints results, and the file that it writes beside them.
struct Printer {
  std::string program;
  std::vector<std::string> arguments;
  std::string file;  ///< empty: it only prints
};

/// What becomes of standard output.
struct Fate {
  const char* name;
  std::function<int()> open;  ///< the descriptor to give to the program; negative: closed
  int status;
  const char* message;  ///< on standard error, after "cannot write to standard output: "
};

/// The writing end of a pipe whose reader has gone.
int open_broken_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error("no pipe");
  ::close(ends[0]);
  return ends[1];
}

/// A terminal whose other side has gone.
int open_lost_terminal() {
  int master = -1, terminal = -1;
  if (::openpty(&master, &terminal, nullptr, nullptr, nullptr) != 0) throw Error("no terminal");
  ::close(master);
  return terminal;
}

int open_full_device() {
  return ::open("/dev/full", O_WRONLY | O_CLOEXEC);
}

const std::vector<Fate> kFates = {
    {"full device", open_full_device, 1, "No space left on device"},
    {"closed", [] { return -1; }, 1, "Bad file descriptor"},
    {"lost terminal", open_lost_terminal, 1, "Input/output error"},
    {"broken pipe", open_broken_pipe, 141, nullptr},
};

class OutputsTest : public ProgramsTest {
 protected:
  /// Runs with `out` as standard output, without a shell; a negative one is closed, as
  /// standard input is then.
  Outcome run_into(int out, const Printer& printer) const {
    const std::string path = program_path(printer.program).string();
    std::vector<char*> words = {const_cast<char*>(path.c_str())};
    for (const std::string& word : printer.arguments) {
      words.push_back(const_cast<char*>(word.c_str()));
    }
    words.push_back(nullptr);
    const int err = ::open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const pid_t child = ::fork();
    if (child == 0) {
      if (::chdir(folder_.c_str()) != 0) ::_exit(126);
      ::dup2(err, STDERR_FILENO);
      if (out < 0) {
        ::close(STDIN_FILENO);
        ::close(STDOUT_FILENO);
      } else {
        ::dup2(out, STDOUT_FILENO);
      }
      ::setenv("OMP_NUM_THREADS", "1", 1);
      ::unsetenv("FROST_DATA");
      std::signal(SIGPIPE, SIG_DFL);  // as a shell starts it
      ::execv(path.c_str(), words.data());
      ::_exit(127);
    }
    ::close(err);
    if (out >= 0) ::close(out);
    int status = 0;
    ::waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, "", read_text(err_)};
  }

  /// A run folder with a checkpoint of untrained bodies.
  std::string write_run() const {
    const Config config = parse_config(read_text(tiny_), tiny_, {});
    const NetworkSetup setup = build_network(config, false);
    SafetensorsFile file;
    save_network(*setup.network, file.tensors);
    file.metadata = {{"format", kCheckpointFormat}, {"config", "{}"}, {"updates", "0"}};
    write_safetensors(folder_ / "run/checkpoints/last.safetensors", file);
    return (folder_ / "run").string();
  }

  std::string write_array() const {
    std::vector<float> values(3 * 32 * 32);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
    write_npy(folder_ / "x.npy", {{3, 32, 32}, values});
    return (folder_ / "x.npy").string();
  }

  Printer printer(const std::string& program) const {
    const auto of = [&](std::vector<std::string> arguments, std::string file) {
      return Printer{program, std::move(arguments), std::move(file)};
    };
    if (program == "import_weights") return of({write_blob("blob"), "-o", "o"}, "o");
    if (program == "export_weights") return of({write_run(), "--part", "actor", "-o", "e"}, "e");
    if (program == "infer") return of({write_blob("blob"), write_array(), "--logits", "l"}, "l");
    if (program == "inspect_weights") {
      write_safetensors(folder_ / "w", {{{"t", HostTensor::from_floats({2}, {1, 2})}}, {}});
      return of({"w", "--dump", "d"}, "d");
    }
    if (program == "evaluate") {
      return of({config_path("configs/reference/cartpole.yaml"), "--policy", "untrained",
                 "--episodes", "1", "--csv", "c"},
                "c");
    }
    if (program == "verify_freezing") return of({tiny_, "--quiet", "--json", "j"}, "j");
    if (program == "bench_freeze") {
      return of({tiny_, "--set", "actor_critic.pretrained_weights=random", "--modes", "all",
                 "--observation", "image", "--steps", "8", "--minibatch", "8", "--epochs", "1",
                 "--image-size", "24", "--repetitions", "1", "--html", "h"},
                "h");
    }
    if (program == "study") return of({config_path("config.yaml")}, "");
    return of({"--help"}, "");
  }

  void expect_an_error_and_the_file(const Printer& printer, const Fate& fate) const {
    SCOPED_TRACE(fate.name);
    const Outcome outcome = run_into(fate.open(), printer);
    EXPECT_EQ(outcome.status, fate.status);
    EXPECT_EQ(outcome.err,
              fate.message == nullptr
                  ? ""
                  : std::string("error: cannot write to standard output: ") + fate.message + "\n");
    if (printer.file.empty()) return;
    EXPECT_TRUE(fs::exists(folder_ / printer.file));
    fs::remove(folder_ / printer.file);
  }

  /// The folder of processes takes no files, from nobody.
  void expect_one_line_where_no_file_can_be(const Printer& printer) const {
    const Outcome outcome = run(program_to("/proc/no_file_here", printer));
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_NE(outcome.err.find("/proc/no_file_here: cannot"), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.out.find("written"), std::string::npos);
  }

  void expect_written_through_a_pipe(const Printer& printer) const {
    const fs::path pipe = folder_ / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    const int reader = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    std::size_t bytes = 0;
    std::atomic<bool> done = false;
    std::thread drain([&] {
      std::vector<char> block(1 << 16);
      for (bool last = false;;) {
        const ssize_t n = ::read(reader, block.data(), block.size());
        if (n > 0) bytes += static_cast<std::size_t>(n);
        if (n > 0) continue;
        if (last) return;
        last = done;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
    const Outcome outcome = run(program_to("pipe", printer));
    done = true;
    drain.join();
    ::close(reader);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_TRUE(fs::is_fifo(pipe));
    EXPECT_GT(bytes, 0U);
  }

 private:
  using ProgramsTest::run;
  Outcome run(const Printer& printer) const { return run(printer.program, printer.arguments); }

  static Printer program_to(const std::string& file, Printer printer) {
    for (std::string& argument : printer.arguments) {
      if (argument == printer.file) argument = file;
    }
    return printer;
  }
};

class OutputsOf : public OutputsTest, public testing::WithParamInterface<const char*> {};

TEST_P(OutputsOf, AreAnErrorWhereTheyCannotBeWrittenAndLoseNoFile) {
  const Printer tested = printer(GetParam());
  for (const Fate& fate : kFates) expect_an_error_and_the_file(tested, fate);
  if (tested.file.empty()) return;
  expect_one_line_where_no_file_can_be(tested);
  expect_written_through_a_pipe(tested);
}

INSTANTIATE_TEST_SUITE_P(Programs, OutputsOf,
                         testing::Values("import_weights", "export_weights", "infer",
                                         "inspect_weights", "evaluate", "verify_freezing",
                                         "bench_freeze", "study", "train"),
                         [](const auto& name) { return std::string(name.param); });

TEST_F(OutputsTest, ATrainingGoesOnWhereItsLinesCannotBePrinted) {
  for (const Fate& fate : kFates) {
    SCOPED_TRACE(fate.name);
    const Printer train{"train",
                        {config_path("configs/reference/cartpole.yaml"), "--set",
                         "algorithm.total_updates=2", "--out", "run"},
                        ""};
    const Outcome outcome = run_into(fate.open(), train);
    EXPECT_EQ(outcome.status, 0);
    const bool told = fate.name == std::string("full device");
    EXPECT_EQ(outcome.err, told ? "warning: cannot write to standard output: No space left on "
                                  "device; going on without it\n"
                                : "");
    EXPECT_NE(read_text(folder_ / "run/run.log").find("run folder: run"), std::string::npos);
    EXPECT_NE(read_text(folder_ / "run/run.json").find("finished"), std::string::npos);
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "run")) {
      if (entry.path().filename().string().find("tfevents") == std::string::npos) continue;
      EXPECT_EQ(read_text(entry).find("run folder: "), std::string::npos)
          << "a line of the log in it";
    }
    fs::remove_all(folder_ / "run");
  }
}

}  // namespace
}  // namespace frost
