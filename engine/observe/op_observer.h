#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/tensor.h"

namespace frost {

/// A tensor that an op has just made.
struct OpOutput {
  enum class Phase {
    kForward,   ///< the op's result
    kBackward,  ///< the gradient of one of its inputs, with what other ops have added so far
    kStep       ///< a parameter that the optimizer has moved
  };

  const char* op;
  Phase phase;
  Tensor tensor;
  std::size_t input = 0;         ///< whose gradient it is, from 0
  std::string_view parameter{};  ///< its name, in `kStep`
  /// Whether the op gives infinities on purpose.
  bool may_be_infinite = false;

  /// "[linear] backward: the gradient of input 1 [128,64]".
  std::string description() const;
};

/// While alive, is told of every tensor that an op of its thread has made, right after the op's
/// kernels were issued; those alive longer are told first. It may change the elements. Ops that
/// record nothing are seen too; in a dry run there is nothing to see.
///
/// Observers of a thread go in the reverse order in which they came. Replays of recorded work call
/// no op: `DeviceGraph` refuses, and who records runs eagerly while `any` is true.
class OpObserver {
 public:
  OpObserver() : older_(newest_) { newest_ = this; }
  virtual ~OpObserver() { newest_ = older_; }
  OpObserver(const OpObserver&) = delete;
  OpObserver& operator=(const OpObserver&) = delete;

  virtual void observe(const OpOutput& made) = 0;

  /// Whether this thread has an observer.
  static bool any() { return newest_ != nullptr; }
  /// Tells all of them.
  static void tell(const OpOutput& made);

 private:
  OpObserver* older_;
  inline static constinit thread_local OpObserver* newest_ = nullptr;
};

}  // namespace frost
