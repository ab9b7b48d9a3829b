#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "weights/torch_archive/byte_reader.h"

namespace frost {

/// The `size` bytes that the raw deflate stream `packed` stands for. Nothing is allocated for a
/// size that no stream of that length reaches. Throws Error through `where` for a damaged stream
/// and one of another size; `who` names it.
std::vector<std::byte> inflate_bytes(std::span<const std::byte> packed, std::uint64_t size,
                                     const std::string& who, const ByteReader& where);

}  // namespace frost
