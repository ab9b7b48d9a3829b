#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "tests/tools/programs_fixture.h"
#include "tools/cli/terminal.h"

// The block that train keeps at the end of a terminal.
namespace frost {
namespace {

/// What a terminal shows of the bytes written to it: rows of text, of any number.
class Screen {
 public:
  explicit Screen(std::size_t columns) : columns_(columns) {}

  void write(const std::string& bytes) {
    for (const char c : bytes) {
      if (!escape_.empty()) {
        take_escape(c);
      } else if (c == '\033') {
        escape_ = c;
      } else if (c == '\r') {
        column_ = 0;
      } else if (c == '\n') {
        move_to(row_ + 1);
      } else {
        put(c);
      }
    }
  }
  const std::vector<std::string>& rows() const { return rows_; }
  std::string text() const {
    std::string all;
    for (const std::string& row : rows_) all += row + "\n";
    return all;
  }
  std::size_t column() const { return column_; }
  bool unknown_escape() const { return unknown_escape_; }

 private:
  void put(char c) {
    if (column_ == columns_) {
      column_ = 0;
      move_to(row_ + 1);
    }
    rows_[row_].resize(std::max(rows_[row_].size(), column_ + 1), ' ');
    rows_[row_][column_++] = c;
  }
  void move_to(std::size_t row) {
    row_ = row;
    if (rows_.size() <= row_) rows_.resize(row_ + 1);
  }
  /// Cursor up, and clear until the end, are all that is expected.
  void take_escape(char c) {
    escape_ += c;
    if (c == '[' || (c >= '0' && c <= '9')) return;
    if (c == 'A') {
      const auto up = static_cast<std::size_t>(std::stoi(escape_.substr(2)));
      unknown_escape_ = unknown_escape_ || up > row_;
      row_ -= std::min(up, row_);
    } else if (c == 'J') {
      rows_.resize(row_ + 1);
      rows_[row_].resize(column_);
    } else {
      unknown_escape_ = true;
    }
    escape_.clear();
  }
  std::size_t columns_, row_ = 0, column_ = 0;
  std::vector<std::string> rows_ = {""};
  std::string escape_;
  bool unknown_escape_ = false;
};

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// train on a terminal of its own.
class OnTerminal {
 public:
  OnTerminal(const fs::path& folder, int columns, std::vector<std::string> arguments,
             const char* type = "xterm") {
    winsize size{24, static_cast<unsigned short>(columns), 0, 0};
    pid_ = ::forkpty(&master_, nullptr, nullptr, &size);
    if (pid_ != 0) return;
    arguments.insert(arguments.begin(), program_path("train").string());
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    ::setenv("OMP_NUM_THREADS", "1", 1);
    ::setenv("TERM", type, 1);
    std::signal(SIGINT, SIG_DFL);  // which shells ignore for what runs in the background
    if (::chdir(folder.c_str()) == 0) ::execv(words[0], words.data());
    ::_exit(127);
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;
  ~OnTerminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(master_);
  }

  /// Reads until `part` came, or the program closed the terminal; false for that.
  bool read_until(const std::string& part) {
    const std::size_t from = seen_.size();
    while (seen_.find(part, from) == seen_.npos) {
      char bytes[4096];
      const ssize_t count = ::read(master_, bytes, sizeof(bytes));
      if (count <= 0) return false;
      seen_.append(bytes, static_cast<std::size_t>(count));
    }
    return true;
  }
  /// Reads the rest; returns the exit status.
  int finish() {
    while (read_until("\n")) {
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  void resize(int columns) const {
    const winsize size{24, static_cast<unsigned short>(columns), 0, 0};
    ::ioctl(master_, TIOCSWINSZ, &size);
  }
  void type(const std::string& keys) const {
    EXPECT_EQ(::write(master_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  const std::string& seen() const { return seen_; }

 private:
  pid_t pid_ = -1;
  int master_ = -1;
  std::string seen_;
};

class LiveBlock : public ProgramsTest {
 protected:
  static std::vector<std::string> arguments(int updates) {
    return {config_path("configs/reference/cartpole.yaml"),
            "--out",
            "run",
            "--set",
            "algorithm.total_updates=" + std::to_string(updates),
            "--set",
            "trainer.rollout_steps=2048",
            "--set",
            "evaluation.every=4"};
  }
};

TEST(FlowFields, FillLinesAndCutWhatIsTooWide) {
  EXPECT_EQ(flow_fields({{"ab", "cd", "ef"}, {}, {"0123456789"}}, 7),
            (std::vector<std::string>{"ab | cd", "ef", "0123456"}));
}

TEST_F(LiveBlock, StandsOnceBelowWhatIsLoggedAtEveryWidth) {
  for (const int columns : {40, 200}) {
    OnTerminal train(folder_, columns, arguments(12));
    EXPECT_EQ(train.finish(), 0);
    fs::remove_all(folder_ / "run");
    Screen screen(static_cast<std::size_t>(columns));
    screen.write(train.seen());
    const std::string text = screen.text();
    EXPECT_FALSE(screen.unknown_escape()) << text;
    EXPECT_EQ(count_of(text, "update 12/12 | "), 1u) << text;
    EXPECT_EQ(count_of(text, "ETA "), 1u) << "earlier blocks are gone\n" << text;
    EXPECT_GT(count_of(train.seen(), "\033[J"), 3u) << "it was drawn more than once";
    EXPECT_LT(text.find("evaluation after update 8"), text.find("update 12/12")) << text;
    EXPECT_LT(text.find("update 12/12"), text.find("run folder: run")) << text;
    EXPECT_EQ(count_of(text, "clipped "), 1u) << text;
    EXPECT_EQ(count_of(text, "peak memory "), 1u) << text;
    EXPECT_EQ(screen.column(), 0u);
  }
}

TEST_F(LiveBlock, IsLaidOutAnewWhereTheTerminalWasResized) {
  OnTerminal train(folder_, 200, arguments(4000));
  ASSERT_TRUE(train.read_until("peak memory"));
  train.resize(40);
  ASSERT_TRUE(train.read_until("update"));
  ASSERT_TRUE(train.read_until("\033[J"));
  const std::size_t from = train.seen().rfind("\033[J");
  train.type("\x03");
  EXPECT_EQ(train.finish(), 130);
  std::string line;
  for (const char c : train.seen().substr(from)) {
    line = c == '\n' || c == '\033' ? "" : line + c;
    if (line.find(" | ") != line.npos) {
      EXPECT_LE(line.size(), 41u) << line;  // with its \r
    }
  }
}

TEST_F(LiveBlock, AnInterruptLeavesTheBlockAndTheLastWords) {
  OnTerminal train(folder_, 80, arguments(4000));
  ASSERT_TRUE(train.read_until("peak memory"));
  train.type("\x03");
  EXPECT_EQ(train.finish(), 130);
  Screen screen(80);
  screen.write(train.seen());
  const std::string text = screen.text();
  EXPECT_EQ(count_of(text, "peak memory "), 1u) << text;
  EXPECT_NE(text.find("stopped by signal 2 after update"), text.npos) << text;
  EXPECT_EQ(screen.column(), 0u);
}

TEST_F(LiveBlock, ASecondInterruptEndsAtOnceBelowTheBlock) {
  OnTerminal train(folder_, 80, {tiny_, "--out", "run"});
  ASSERT_TRUE(train.read_until("peak memory"));
  train.type("\x03");
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  train.type("\x03");
  EXPECT_EQ(train.finish(), 130);
  Screen screen(80);
  screen.write(train.seen());
  EXPECT_EQ(count_of(screen.text(), "peak memory "), 1u) << screen.text();
  EXPECT_EQ(screen.text().find("stopped by signal"), std::string::npos);
  EXPECT_FALSE(screen.unknown_escape());
}

TEST_F(LiveBlock, IsNotForQuietRunsAndTerminalsThatCannotDraw) {
  OnTerminal dumb(folder_, 80, arguments(3), "dumb");
  EXPECT_EQ(dumb.finish(), 0);
  EXPECT_EQ(dumb.seen().find('\033'), std::string::npos);
  EXPECT_NE(dumb.seen().find("update 3/3 | "), std::string::npos);
  fs::remove_all(folder_ / "run");
  std::vector<std::string> quiet = arguments(3);
  quiet.push_back("--quiet");
  OnTerminal silent(folder_, 80, quiet);
  EXPECT_EQ(silent.finish(), 0);
  EXPECT_EQ(silent.seen(), "");
  fs::remove_all(folder_ / "run");
  const Outcome piped = run("train", arguments(3));
  EXPECT_EQ(piped.out.find('\033'), std::string::npos);
  EXPECT_NE(piped.out.find("update 3/3 | "), std::string::npos);
}

}  // namespace
}  // namespace frost
