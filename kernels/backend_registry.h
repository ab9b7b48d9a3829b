#pragma once

#include <string>

#include "kernels/backend.h"

namespace frost {

/// The process-wide CPU backend.
Backend& cpu_backend();

/// The backend for `auto`, `cpu` or `cuda`; `reason` receives one line on the choice.
/// Throws Error when `cuda` is asked for and cannot be had, UsageError for another name.
Backend& select_backend(const std::string& device, std::string& reason);

/// Sets the one thread budget of kernels and environments; 0 keeps OpenMP's default.
void set_thread_budget(int threads);
int thread_budget();

}  // namespace frost
