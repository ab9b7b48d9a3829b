#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace frost {

/// SHA-256 of `bytes` as 64 lower-case hex digits (OpenSSL).
std::string sha256_hex(std::span<const std::byte> bytes);

/// The same of the concatenation of `parts`, without a copy of them.
std::string sha256_hex_of_parts(std::span<const std::span<const std::byte>> parts);

}  // namespace frost
