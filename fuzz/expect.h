#pragma once

#include <string>

#include "fuzz/targets.h"
#include "kernels/errors.h"

namespace frost::fuzz {

/// Runs `read`, which may refuse its input with an Error of one line; returns whether it did not.
template <typename Read>
bool value_or_one_line(const Read& read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    const std::string text = error.what();
    if (text.empty() || text.find_first_of("\n\r") != text.npos) {
      throw Finding("a message that is not one line: " + text);
    }
    return false;
  }
}

}  // namespace frost::fuzz
