#include "fuzz/entry.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return frost::fuzz::run(frost::fuzz::find_names, data, size);
}
