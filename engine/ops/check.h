#pragma once

#include <string>

#include "engine/tensor.h"
#include "kernels/errors.h"

namespace frost {

/// Throws `[op] message` unless `ok`.
inline void require(bool ok, const char* op, const std::string& message) {
  if (!ok) fail(op, message);
}

/// Throws unless `t` has `rank` dimensions; `what` names it.
inline void require_rank(const Tensor& t, std::size_t rank, const char* op, const char* what) {
  require(t.defined() && t.shape().size() == rank, op,
          std::string(what) + " must have " + std::to_string(rank) + " dimensions, got " +
              (t.defined() ? to_string(t.shape()) : "nothing"));
}

}  // namespace frost
