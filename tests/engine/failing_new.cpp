#include "tests/engine/failing_new.h"

#include <atomic>

#include "tests/failable_new.h"

namespace {

/// Calls of `new` until the one that fails; below zero none will.
std::atomic<std::int64_t> left = -1;
std::atomic<bool> reached = false;

}  // namespace

bool new_fails(std::size_t) {
  // Nobody waits for the others' counts: without a test of failures this is one comparison.
  if (left.load(std::memory_order_relaxed) < 0 || left-- != 0) return false;
  reached = true;
  return true;
}

namespace frost {

FailingNew::FailingNew(std::int64_t at) {
  reached = false;
  left = at;
}

FailingNew::~FailingNew() {
  left = -1;
}

bool FailingNew::happened() {
  return reached;
}

}  // namespace frost
