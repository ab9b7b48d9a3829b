#pragma once

#include <chrono>
#include <cstddef>

#include "rl/envs/gymnasium/descriptor.h"

namespace frost {

/// Bytes of a file that are seen by every process that maps them.
class SharedMapping {
 public:
  /// Maps [offset, offset + bytes) of `file`; the offset is a whole number of pages. Throws Error.
  SharedMapping(const Descriptor& file, std::size_t offset, std::size_t bytes);
  ~SharedMapping();
  SharedMapping(const SharedMapping&) = delete;
  SharedMapping& operator=(const SharedMapping&) = delete;

  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// A file in memory that has no name, and so is gone with the last process that has it open.
Descriptor make_memory_file(const char* title);
/// Lets `file` have `bytes` at least, those that are new being zero. Throws Error.
void grow_memory_file(const Descriptor& file, std::size_t bytes);
/// `bytes` rounded up to whole pages.
std::size_t whole_pages(std::size_t bytes);

}  // namespace frost
