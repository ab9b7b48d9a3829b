#pragma once

#include <nlohmann/json.hpp>

#include "kernels/memory_ledger.h"

namespace frost {

/// Peak bytes per tag, and of all together as `peak`.
inline nlohmann::ordered_json bytes_json(const MemoryLedger::Bytes& bytes) {
  nlohmann::ordered_json json;
  for (std::size_t i = 0; i < kMemoryTags; ++i) json[kMemoryTagNames[i]] = bytes.peak[i];
  json["peak"] = bytes.peak_total;
  return json;
}

}  // namespace frost
