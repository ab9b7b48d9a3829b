#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

namespace frost {

/// Keeps the `capacity` most recently used values; evicts the oldest.
template <class Key, class Value, class Hash>
class LruCache {
 public:
  explicit LruCache(std::size_t capacity) : capacity_(capacity) {}

  /// The value of `key`, made by `make()` where it is missing. Valid until the next call.
  template <class Make>
  Value& get(const Key& key, const Make& make) {
    if (const auto found = index_.find(key); found != index_.end()) {
      ++hits_;
      entries_.splice(entries_.begin(), entries_, found->second);
      return found->second->second;
    }
    ++misses_;
    entries_.emplace_front(key, make());
    index_.emplace(key, entries_.begin());
    if (entries_.size() > capacity_) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    return entries_.front().second;
  }

  std::size_t size() const { return entries_.size(); }
  std::size_t hits() const { return hits_; }
  std::size_t misses() const { return misses_; }

 private:
  using Entries = std::list<std::pair<Key, Value>>;

  std::size_t capacity_;
  Entries entries_;
  std::unordered_map<Key, typename Entries::iterator, Hash> index_;
  std::size_t hits_ = 0;
  std::size_t misses_ = 0;
};

}  // namespace frost
