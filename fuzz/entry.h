#pragma once

#include <cstdint>

#include "fuzz/targets.h"

namespace frost::fuzz {

/// libFuzzer's calling convention for `read`; an exception that leaves it is a crash.
inline int run(bool (*read)(Input), const std::uint8_t* data, std::size_t size) {
  read({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}

}  // namespace frost::fuzz
