#pragma once

#include <mpi.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "rl/communicator/communicator.h"

namespace frost {

/// The processes that mpirun or srun started together, from MPI_Init to MPI_Finalize.
///
/// A process that waits for another longer than its patience tells all others how far it has come;
/// who has then told nothing is held dead, is named on standard error, and all are ended.
class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator();
  ~MpiCommunicator() override;
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string host() const override { return hosts_[static_cast<std::size_t>(rank_)]; }
  [[noreturn]] void abort(int status) override;
  void set_patience(double seconds) override { patience_ = seconds; }

 private:
  void exchange(int peer, std::span<const std::byte> out, std::span<std::byte> in) override;
  void wait(std::vector<MPI_Request>& requests);
  /// "I have come to this call", to all others.
  void tell_waiting();
  /// Names who has not come, if this is the rank to do so, and ends all.
  [[noreturn]] void give_up();

  int rank_ = 0, size_ = 1;
  std::vector<std::string> hosts_;
  double patience_ = 0;
  std::uint64_t told_ = 0;  ///< the call that was told last
};

}  // namespace frost
