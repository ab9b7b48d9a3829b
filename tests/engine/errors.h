#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kernels/errors.h"

namespace frost {

/// The text of the Error that `action` throws; fails the test where it throws none.
template <class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace frost
