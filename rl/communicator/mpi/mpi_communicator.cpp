#include "rl/communicator/mpi/mpi_communicator.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "rl/communicator/mpi/module.h"

namespace frost {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kData = 1, kWaiting = 2;       // tags
constexpr std::size_t kLargest = 1U << 30U;  // bytes of a message, whose count is an int
/// Calls by which ranks that wait at the same time may be apart: who only sends goes on.
constexpr std::uint64_t kApart = 4;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Awake while the other is about to come, then asleep for ever longer, up to a millisecond.
void rest(double waited) {
  if (waited < 100e-6) {
    ::sched_yield();
  } else {
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(waited / 8, 1e-3)));
  }
}

}  // namespace

MpiCommunicator::MpiCommunicator() {
  MPI_Init(nullptr, nullptr);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  using Name = std::array<char, MPI_MAX_PROCESSOR_NAME>;
  Name own{};
  int length = 0;
  MPI_Get_processor_name(own.data(), &length);
  std::vector<Name> all(static_cast<std::size_t>(size_));
  MPI_Allgather(own.data(), MPI_MAX_PROCESSOR_NAME, MPI_CHAR, all.data(), MPI_MAX_PROCESSOR_NAME,
                MPI_CHAR, MPI_COMM_WORLD);
  for (const Name& name : all) hosts_.emplace_back(name.data());
}

MpiCommunicator::~MpiCommunicator() {
  MPI_Finalize();
}

void MpiCommunicator::abort(int status) {
  MPI_Abort(MPI_COMM_WORLD, status);
  std::_Exit(status);
}

void MpiCommunicator::exchange(int peer, std::span<const std::byte> out, std::span<std::byte> in) {
  std::vector<MPI_Request> requests;
  for (std::size_t at = 0; at < in.size(); at += kLargest) {
    const auto count = static_cast<int>(std::min(kLargest, in.size() - at));
    MPI_Irecv(in.data() + at, count, MPI_BYTE, peer, kData, MPI_COMM_WORLD,
              &requests.emplace_back());
  }
  for (std::size_t at = 0; at < out.size(); at += kLargest) {
    const auto count = static_cast<int>(std::min(kLargest, out.size() - at));
    MPI_Isend(out.data() + at, count, MPI_BYTE, peer, kData, MPI_COMM_WORLD,
              &requests.emplace_back());
  }
  wait(requests);
}

void MpiCommunicator::wait(std::vector<MPI_Request>& requests) {
  const Clock::time_point start = Clock::now();
  bool told = false;
  while (true) {
    int done = 0;
    MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
    if (done != 0) return;
    const double waited = seconds_since(start);
    rest(waited);
    if (patience_ <= 0) continue;
    if (!told && waited > 0.75 * patience_) {
      told = true;
      tell_waiting();
    }
    if (waited > patience_) give_up();
  }
}

void MpiCommunicator::tell_waiting() {
  told_ = calls();
  for (int peer = 0; peer < size_; ++peer) {
    if (peer == rank_) continue;
    MPI_Request sent = MPI_REQUEST_NULL;
    MPI_Isend(&told_, 1, MPI_UINT64_T, peer, kWaiting, MPI_COMM_WORLD, &sent);
    MPI_Request_free(&sent);  // small enough to be on its way
  }
}

void MpiCommunicator::give_up() {
  // Whoever waits has told so; what was told in earlier waits does not count.
  std::vector<bool> waits(static_cast<std::size_t>(size_));
  waits[static_cast<std::size_t>(rank_)] = true;
  const auto listen = [&](double seconds) {
    for (const Clock::time_point start = Clock::now(); seconds_since(start) < seconds;) {
      int there = 0;
      MPI_Status status;
      MPI_Iprobe(MPI_ANY_SOURCE, kWaiting, MPI_COMM_WORLD, &there, &status);
      if (there == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      std::uint64_t come = 0;
      MPI_Recv(&come, 1, MPI_UINT64_T, status.MPI_SOURCE, kWaiting, MPI_COMM_WORLD,
               MPI_STATUS_IGNORE);
      if (come + kApart > calls()) waits[static_cast<std::size_t>(status.MPI_SOURCE)] = true;
    }
  };
  listen(1);
  const auto first = std::find(waits.begin(), waits.end(), true);
  if (first - waits.begin() != rank_) listen(2);  // it speaks for all, and ends them
  std::string missing;
  for (std::size_t peer = 0; peer < waits.size(); ++peer) {
    if (waits[peer]) continue;
    missing +=
        (missing.empty() ? "rank " : ", rank ") + std::to_string(peer) + " on " + hosts_[peer];
  }
  if (missing.empty()) missing = "a message between ranks that are all there";
  std::fprintf(stderr, "error: waited %.0f seconds for %s: it hangs or is gone; all are ended\n",
               patience_, missing.c_str());
  abort(1);
}

namespace {

Communicator* join(char* reason, std::size_t size) {
  static bool joined = false;
  if (joined) {
    std::snprintf(reason, size, "MPI cannot be joined twice");
    return nullptr;
  }
  joined = true;
  return new MpiCommunicator;
}

const MpiModule kModule{kMpiDigest, join};

}  // namespace
}  // namespace frost

extern "C" __attribute__((visibility("default"))) const frost::MpiModule* frost_mpi_module() {
  return &frost::kModule;
}
