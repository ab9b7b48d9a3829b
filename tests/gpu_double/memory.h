#pragma once

#include <cstddef>
#include <cstdint>

namespace frost::gpu_double {

enum class MemoryKind { kDevice, kPool };

/// A block of device memory, aligned to 512 bytes and filled with 0xFF (NaN, or -1), or where the
/// double is idle with zeros, between two redzones; null where the device is full (80 GiB) or this
/// allocation is to fail.
void* take(std::size_t bytes, MemoryKind kind);
/// Looks at the redzones, poisons the block and keeps it from use for a while. A `violation` unless
/// it is the start of a live block of this kind.
void drop(void* data, MemoryKind kind);

/// Whether all these bytes lie in one live block.
bool on_device(const void* data, std::size_t bytes);
/// A `violation` that names `what` unless they do.
void require_on_device(const void* data, std::size_t bytes, const char* what);
/// A `violation` if anything wrote beside a live block, or into one that was freed not long ago.
void check_memory();

std::size_t live_bytes();
/// Asked for so far, those that failed included.
std::int64_t allocations();

}  // namespace frost::gpu_double
