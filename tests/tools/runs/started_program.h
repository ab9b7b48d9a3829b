#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/program_path.h"

namespace frost {

/// A built program that runs beside the test, without output and with one thread; killed at the end
/// if it still runs.
class StartedProgram {
 public:
  /// `before` comes first on the command line: a program that starts the one that is meant.
  StartedProgram(const std::filesystem::path& folder, const std::string& program,
                 std::vector<std::string> arguments, std::vector<std::string> before = {}) {
    arguments.insert(arguments.begin(), program_path(program).string());
    arguments.insert(arguments.begin(), before.begin(), before.end());
    pid_ = ::fork();
    if (pid_ != 0) return;
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    ::setenv("OMP_NUM_THREADS", "1", 1);
    ::unsetenv("FROST_DATA");
    if (::chdir(folder.c_str()) == 0 && ::freopen("/dev/null", "w", stdout) != nullptr &&
        ::freopen("/dev/null", "w", stderr) != nullptr) {
      ::execvp(words[0], words.data());
    }
    ::_exit(127);
  }
  StartedProgram(const StartedProgram&) = delete;
  StartedProgram& operator=(const StartedProgram&) = delete;
  ~StartedProgram() {
    if (pid_ <= 0) return;
    send(SIGKILL);
    wait();
  }

  pid_t pid() const { return pid_; }
  void send(int signal) const { ::kill(pid_, signal); }
  /// Waits for the end; returns the exit status, or minus the signal that ended it.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  bool running() {
    int status = 0;
    if (pid_ <= 0 || ::waitpid(pid_, &status, WNOHANG) == 0) return pid_ > 0;
    pid_ = -1;
    return false;
  }

 private:
  pid_t pid_ = -1;
};

}  // namespace frost
