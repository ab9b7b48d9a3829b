#include "tools/cli/stop_signals.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>

namespace frost {
namespace {

constexpr int kTryAgain = 75;  // EX_TEMPFAIL of sysexits.h
constexpr std::array<int, 4> kSignals = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

std::atomic<int> first_signal = 0, endings = 0;
static_assert(std::atomic<int>::is_always_lock_free, "written by a signal handler");
std::array<struct sigaction, kSignals.size()> before;

extern "C" void remember_signal(int signal) {
  int none = 0;
  first_signal.compare_exchange_strong(none, signal);
  if (signal != SIGUSR1 && endings.fetch_add(1) > 0) ::_exit(128 + signal);
}

}  // namespace

StopSignals::StopSignals() {
  first_signal = endings = 0;
  struct sigaction action = {};
  action.sa_handler = remember_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &before[i]);
    if (before[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before[i], nullptr);
}

int StopSignals::received() const {
  return first_signal;
}

int exit_status_of(int signal) {
  return signal == SIGUSR1 ? kTryAgain : 128 + signal;
}

}  // namespace frost
