#include "rl/envs/gymnasium/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <thread>

#include "kernels/errors.h"
#include "rl/envs/gymnasium/shared_memory.h"
#include "rl/envs/gymnasium/worker_script.h"

extern char** environ;

namespace frost {
namespace {

using Clock = std::chrono::steady_clock;

/// The script as a file that the process reads; short command lines stay readable in lists.
Descriptor script_file() {
  Descriptor file = make_memory_file("frostline_worker.py");
  const std::string_view text = kWorkerScript;
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    fail("environment", "the script of worker processes could not be written to memory");
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

/// The environment of this process. Numerical libraries of a worker use one thread unless told
/// otherwise: the workers are what runs side by side.
std::vector<char*> worker_environment() {
  static char one_thread[] = "OMP_NUM_THREADS=1";
  std::vector<char*> variables;
  bool told = false;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    told = told || std::string_view(*variable).starts_with("OMP_NUM_THREADS=");
    variables.push_back(*variable);
  }
  if (!told) variables.push_back(one_thread);
  variables.push_back(nullptr);
  return variables;
}

/// Attributes and actions of posix_spawn, released at the end.
struct StartPlan {
  StartPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  ~StartPlan() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  /// Leaves `fd` open under its number.
  void keep(int fd) { posix_spawn_file_actions_adddup2(&actions, fd, fd); }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

}  // namespace

WorkerProcess::WorkerProcess(const std::string& python, const std::vector<std::string>& arguments,
                             const Descriptor& memory) {
  int ends[2], pipe[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    fail("environment", fmt::format("no socket to a worker process: {}", std::strerror(errno)));
  socket_ = Descriptor(ends[0]);
  const Descriptor its_socket(ends[1]);
  if (::pipe2(pipe, O_CLOEXEC) != 0)
    fail("environment", fmt::format("no pipe to a worker process: {}", std::strerror(errno)));
  lifeline_ = Descriptor(pipe[1]);
  const Descriptor its_lifeline(pipe[0]);
  const Descriptor script = script_file();
  start(python, arguments, script.get(), memory.get(), its_socket.get(), its_lifeline.get());
}

void WorkerProcess::start(const std::string& python, std::vector<std::string> arguments, int script,
                          int memory, int socket, int lifeline) {
  StartPlan plan;
  for (const int fd : {script, memory, socket, lifeline}) plan.keep(fd);
  arguments.insert(
      arguments.begin(),
      {python, "-c",
       fmt::format("exec(compile(open({}).read(), 'frostline worker', 'exec'))", script)});
  for (const int fd : {memory, socket, lifeline}) arguments.push_back(std::to_string(fd));
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  const int error = ::posix_spawnp(&pid_, python.c_str(), &plan.actions, &plan.attributes,
                                   words.data(), worker_environment().data());
  if (error == 0) return;
  pid_ = -1;
  throw UsageError(fmt::format(
      "environment.python is '{}', which cannot be started: {}; install Python 3, or give the "
      "path of its interpreter",
      python, std::strerror(error)));
}

WorkerProcess::~WorkerProcess() {
  kill();
}

std::string WorkerProcess::ending() {
  const std::scoped_lock lock(ending_lock_);
  if (!ending_.empty() || pid_ < 0) return ending_;
  siginfo_t ended{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0) {
    if (ended.si_pid == 0) return "";
    ::kill(-pid_, SIGKILL);  // its children; the number is its own until it is reaped
  }
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) <= 0) {
    ending_ = "is gone";
  } else if (WIFSIGNALED(status)) {
    ending_ = fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                          ::strsignal(WTERMSIG(status)));
  } else {
    ending_ = fmt::format("ended with exit status {}", WEXITSTATUS(status));
  }
  return ending_;
}

std::string WorkerProcess::ending(Deadline deadline) {
  while (ending().empty() && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return ending();
}

void WorkerProcess::kill() {
  if (pid_ < 0 || !ending().empty()) return;
  ::kill(-pid_, SIGKILL);
  ending(Clock::now() + std::chrono::seconds(5));
}

bool WorkerProcess::wait_for(short events, Deadline deadline) const {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd ready{socket_.get(), events, 0};
    const int found =
        ::poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1000)));
    if (found > 0) return true;
    if (found < 0 && errno != EINTR) return false;
  }
}

bool WorkerProcess::read(void* data, std::size_t bytes, Deadline deadline) {
  auto* to = static_cast<char*>(data);
  while (bytes > 0) {
    if (!wait_for(POLLIN, deadline)) return false;
    const ssize_t got = ::recv(socket_.get(), to, bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return false;
    to += got;
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

bool WorkerProcess::write(const void* data, std::size_t bytes, Deadline deadline) {
  const auto* from = static_cast<const char*>(data);
  while (bytes > 0) {
    if (!wait_for(POLLOUT, deadline)) return false;
    const ssize_t sent = ::send(socket_.get(), from, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent <= 0) return false;
    from += sent;
    bytes -= static_cast<std::size_t>(sent);
  }
  return true;
}

std::optional<std::string> WorkerProcess::read_line(Deadline deadline) {
  constexpr std::size_t kLongest = 1 << 16;
  std::string line;
  char c = 0;
  while (line.size() < kLongest && read(&c, 1, deadline)) {
    if (c == '\n') return line;
    line += c;
  }
  return std::nullopt;
}

}  // namespace frost
