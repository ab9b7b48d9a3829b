#pragma once

#include <array>
#include <cstddef>
#include <cstdio>
#include <new>

#include "kernels/memory_ledger.h"

namespace frost {

/// An allocation failed. The text is one line that says what was asked for, and below it the
/// device's table of memory by tag; it is composed without allocating.
class OutOfMemoryError : public std::bad_alloc {
 public:
  OutOfMemoryError(const char* line, const MemoryLedger::Bytes& bytes) noexcept {
    std::snprintf(text_.data(), text_.size(), "%s\n%s", line, memory_table_text(bytes).data());
  }

  const char* what() const noexcept override { return text_.data(); }

 private:
  std::array<char, 1024> text_;
};

/// Of host memory; `asked` in bytes.
inline OutOfMemoryError out_of_host_memory(std::size_t asked, const MemoryLedger::Bytes& bytes) {
  std::array<char, 96> line;
  std::snprintf(line.data(), line.size(), "out of memory: %.1f MiB asked for",
                static_cast<double>(asked) / (1 << 20));
  return {line.data(), bytes};
}

}  // namespace frost
