#pragma once

#include <functional>

namespace frost {

/// Runs the body of a program and returns its exit status: the body's, or 2 after UsageError and 1
/// after any other exception, each reported as one line "error: ..." on standard error.
int run_program(const std::function<int()>& body);

}  // namespace frost
