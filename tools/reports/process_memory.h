#pragma once

#include <cstdint>

namespace frost {

/// The largest resident set of this process since it started or was last reset, in bytes; 0 where
/// the system does not tell.
std::int64_t peak_resident_bytes();
/// Starts a new measurement at the present size; false where the system does not permit it.
[[nodiscard]] bool reset_peak_resident();

}  // namespace frost
