#pragma once

#include <functional>

namespace frost {

/// Runs the body of a program and returns its exit status: the body's, or 2 after UsageError and 1
/// after any other exception, each reported as one line "error: ..." on standard error. What
/// becomes of 0 where results could not be printed is said at `finish_output`. To be called before
/// any file is opened. Where memory runs out, `memory_advice` says which settings to lower.
int run_program(const std::function<int()>& body, const char* memory_advice = "");

}  // namespace frost
