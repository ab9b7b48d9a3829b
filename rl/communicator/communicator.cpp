#include "rl/communicator/communicator.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

namespace frost {

template <class T>
void Communicator::sum_pairwise(std::span<T> values) {
  ++calls_;
  std::vector<T> theirs(size() > 1 ? values.size() : 0);
  for (int distance = 1; distance < size(); distance *= 2) {
    exchange(rank() ^ distance, std::as_bytes(values), std::as_writable_bytes(std::span(theirs)));
    // Addition commutes, so both of a pair get the same bits.
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += theirs[i];
  }
}

template void Communicator::sum_pairwise(std::span<float>);
template void Communicator::sum_pairwise(std::span<double>);

void Communicator::send(int peer, std::span<const std::byte> bytes) {
  const auto count = static_cast<std::uint64_t>(bytes.size());
  exchange(peer, std::as_bytes(std::span(&count, 1)), {});
  exchange(peer, bytes, {});
}

std::vector<std::byte> Communicator::receive(int peer) {
  std::uint64_t count = 0;
  exchange(peer, {}, std::as_writable_bytes(std::span(&count, 1)));
  std::vector<std::byte> bytes(count);
  exchange(peer, {}, bytes);
  return bytes;
}

void Communicator::broadcast(std::vector<std::byte>& bytes) {
  ++calls_;
  // Those below `have` have it, and each gives it to one more.
  for (int have = 1; have < size(); have *= 2) {
    if (rank() < have) send(rank() + have, bytes);
    if (rank() >= have && rank() < 2 * have) bytes = receive(rank() - have);
  }
}

std::vector<std::vector<std::byte>> Communicator::gather(std::span<const std::byte> bytes) {
  ++calls_;
  if (rank() > 0) {
    send(0, bytes);
    return {};
  }
  std::vector<std::vector<std::byte>> all{{bytes.begin(), bytes.end()}};
  for (int peer = 1; peer < size(); ++peer) all.push_back(receive(peer));
  return all;
}

void Communicator::barrier() {
  double nothing = 0;
  sum(std::span(&nothing, 1));
}

std::string LocalCommunicator::host() const {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

void LocalCommunicator::abort(int status) {
  std::_Exit(status);
}

Communicator& alone() {
  static LocalCommunicator communicator;
  return communicator;
}

}  // namespace frost
