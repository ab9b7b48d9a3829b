#pragma once

#include <cstdint>

namespace frost {

/// While alive, the `at`-th `new` from now on, counted from 0 over all threads, throws
/// std::bad_alloc, once.
class FailingNew {
 public:
  explicit FailingNew(std::int64_t at);
  ~FailingNew();
  FailingNew(const FailingNew&) = delete;
  FailingNew& operator=(const FailingNew&) = delete;

  /// Whether it has been reached.
  static bool happened();
};

}  // namespace frost
