#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace frost {

/// The processes that compute one run together, as one of them sees it; one thread at a time.
///
/// All of them call the same functions in the same order. What is sent is in the machine's byte
/// order. Throws Error where the connection fails.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;  ///< a power of two
  /// Of the machine, for messages.
  virtual std::string host() const = 0;
  /// Ends all processes at once with this exit status.
  [[noreturn]] virtual void abort(int status) = 0;
  /// The seconds that a process waits for another until all are ended; 0: for ever.
  virtual void set_patience(double seconds) = 0;

  /// Replaces the values by their sums over all ranks, the same bits everywhere: ranks are added in
  /// pairs, pairs in fours and so on (docs/scaling.md).
  void sum(std::span<float> values) { sum_pairwise(values); }
  void sum(std::span<double> values) { sum_pairwise(values); }
  /// Gives every rank the bytes of rank 0.
  void broadcast(std::vector<std::byte>& bytes);
  /// The bytes of all ranks in their order, on rank 0; nothing on the others.
  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> bytes);
  /// Returns once all ranks have come here.
  void barrier();

 protected:
  /// Sends to `peer` and receives from it as many bytes as `in` has, which must be what it sends.
  virtual void exchange(int peer, std::span<const std::byte> out, std::span<std::byte> in) = 0;
  /// Of `sum`, `broadcast` and `gather` so far, the same on ranks that are at the same place.
  std::uint64_t calls() const { return calls_; }

 private:
  template <class T>
  void sum_pairwise(std::span<T> values);
  void send(int peer, std::span<const std::byte> bytes);
  std::vector<std::byte> receive(int peer);

  std::uint64_t calls_ = 0;
};

/// One process: there is nobody to wait for.
class LocalCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string host() const override;
  [[noreturn]] void abort(int status) override;
  void set_patience(double) override {}

 private:
  void exchange(int, std::span<const std::byte>, std::span<std::byte>) override {}
};

/// The communicator of a process that computes alone.
Communicator& alone();

/// Waits for ever, for as long as it lives, for work that only one rank does.
class Unhurried {
 public:
  Unhurried(Communicator& communicator, double patience)
      : communicator_(communicator), patience_(patience) {
    communicator_.set_patience(0);
  }
  ~Unhurried() { communicator_.set_patience(patience_); }
  Unhurried(const Unhurried&) = delete;
  Unhurried& operator=(const Unhurried&) = delete;

 private:
  Communicator& communicator_;
  double patience_;
};

/// The items of all ranks, in their order, on every rank.
template <class T>
std::vector<T> gather_all(Communicator& communicator, const std::vector<T>& own) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<std::byte> all;
  for (const std::vector<std::byte>& part :
       communicator.gather(std::as_bytes(std::span<const T>(own)))) {
    all.insert(all.end(), part.begin(), part.end());
  }
  communicator.broadcast(all);
  std::vector<T> items(all.size() / sizeof(T));
  if (!items.empty()) std::memcpy(items.data(), all.data(), all.size());
  return items;
}

}  // namespace frost
