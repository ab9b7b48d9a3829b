#pragma once

#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "rl/communicator/communicator.h"

namespace frost::test {

/// What threads that stand for processes send to each other.
class Mailboxes {
 public:
  using Bytes = std::vector<std::byte>;

  void put(int from, int to, std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    boxes_[{from, to}].emplace_back(bytes.begin(), bytes.end());
    changed_.notify_all();
  }
  Bytes take(int from, int to) {
    std::unique_lock lock(mutex_);
    std::deque<Bytes>& box = boxes_[{from, to}];
    changed_.wait(lock, [&] { return !box.empty(); });
    Bytes bytes = std::move(box.front());
    box.pop_front();
    return bytes;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::pair<int, int>, std::deque<Bytes>> boxes_;
};

/// A rank that is a thread of the test.
class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(Mailboxes& mail, int rank, int size) : mail_(mail), rank_(rank), size_(size) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string host() const override { return "thread"; }
  [[noreturn]] void abort(int) override { throw std::runtime_error("aborted"); }
  void set_patience(double) override {}

 private:
  void exchange(int peer, std::span<const std::byte> out, std::span<std::byte> in) override {
    if (!out.empty()) mail_.put(rank_, peer, out);
    if (in.empty()) return;
    const Mailboxes::Bytes bytes = mail_.take(peer, rank_);
    if (bytes.size() != in.size()) throw std::runtime_error("a message of another size");
    std::memcpy(in.data(), bytes.data(), bytes.size());
  }

  Mailboxes& mail_;
  int rank_, size_;
};

/// Runs `body` on `size` ranks at a time.
inline void on_ranks(int size, const std::function<void(Communicator&)>& body) {
  Mailboxes mail;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      ThreadCommunicator communicator(mail, rank, size);
      body(communicator);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace frost::test
