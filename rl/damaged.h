#pragma once

#include <string>

#include "kernels/errors.h"

namespace frost {

/// Throws the Error "checkpoint tensor '<name>' is damaged: <why>".
[[noreturn]] inline void fail_damaged(const std::string& name, const std::string& why) {
  throw Error("checkpoint tensor '" + name + "' is damaged: " + why);
}

}  // namespace frost
