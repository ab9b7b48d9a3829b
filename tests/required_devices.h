#pragma once

#include <cstdlib>
#include <string_view>

namespace frost {

/// Whether `FROST_REQUIRE_DEVICES` names the device: tests then fail where it cannot be used
/// instead of leaving it out.
inline bool device_is_required(std::string_view device) {
  const char* const required = std::getenv("FROST_REQUIRE_DEVICES");
  return required != nullptr && device == required;
}

}  // namespace frost
