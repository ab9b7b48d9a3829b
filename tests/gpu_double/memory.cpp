#include "tests/gpu_double/memory.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "kernels/round_up.h"
#include "tests/gpu_double/settings.h"
#include "tests/gpu_double/stream.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace frost::gpu_double {
namespace {

constexpr std::size_t kAlignment = 512;
constexpr std::size_t kRedzone = 512;
constexpr unsigned char kPoison = 0xFF, kRedzoneByte = 0xA5;
constexpr std::size_t kCapacity = std::size_t{80} << 30;
/// Freed blocks stay poisoned and out of use up to this many bytes, so that who still reads one
/// reads NaN.
constexpr std::size_t kQuarantine = std::size_t{64} << 20;
/// And at least so many, however large.
constexpr std::size_t kLeastFreed = 4;

struct Block {
  std::size_t bytes = 0;
  MemoryKind kind = MemoryKind::kDevice;

  std::size_t whole() const { return kRedzone + round_up(bytes, kAlignment) + kRedzone; }
};

struct Memory {
  std::mutex mutex;
  std::map<std::uintptr_t, Block> live;  ///< by first byte
  std::deque<std::pair<std::uintptr_t, Block>> freed;
  std::size_t live_bytes = 0, freed_bytes = 0;
  std::int64_t allocations = 0;
};

Memory& memory() {
  static Memory& never_destroyed = *new Memory;  // backends release memory in static destructors
  return never_destroyed;
}

unsigned char* at(std::uintptr_t address) {
  return reinterpret_cast<unsigned char*>(address);
}

std::string name(std::uintptr_t address, const Block& block) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "the block of %zu bytes at %#zx", block.bytes,
                static_cast<std::size_t>(address));
  return text.data();
}

// Under AddressSanitizer what may not be touched is said to it, too: it names the line.
void forbid([[maybe_unused]] std::uintptr_t begin, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  ASAN_POISON_MEMORY_REGION(at(begin), bytes);
#endif
}
void permit([[maybe_unused]] std::uintptr_t begin, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(at(begin), bytes);
#endif
}

/// Calls fn(first byte, bytes) for the two redzones.
template <class Fn>
void for_each_redzone(std::uintptr_t address, const Block& block, Fn fn) {
  fn(address - kRedzone, kRedzone);
  fn(address + block.bytes, block.whole() - kRedzone - block.bytes);
}

void check_block(std::uintptr_t address, const Block& block) {
  for_each_redzone(address, block, [&](std::uintptr_t begin, std::size_t bytes) {
    permit(begin, bytes);
    for (std::size_t i = 0; i < bytes; ++i) {
      if (*at(begin + i) != kRedzoneByte) {
        violation("something wrote beside " + name(address, block));
      }
    }
    forbid(begin, bytes);
  });
}

/// What is freed must not have been written since.
void check_freed(std::uintptr_t address, const Block& block) {
  permit(address, block.bytes);
  for (std::size_t i = 0; i < block.bytes; ++i) {
    if (*at(address + i) != kPoison) {
      violation("something wrote into " + name(address, block) + " after it was freed");
    }
  }
  forbid(address, block.bytes);
}

void give_back(std::uintptr_t address, const Block& block) {
  check_freed(address, block);
  permit(address - kRedzone, block.whole());
  std::free(at(address - kRedzone));
}

/// The live block that holds the address, or the end.
auto find(Memory& m, std::uintptr_t address) {
  auto found = m.live.upper_bound(address);
  if (found == m.live.begin()) return m.live.end();
  --found;
  return address <= found->first + found->second.bytes ? found : m.live.end();
}

}  // namespace

void* take(std::size_t bytes, MemoryKind kind) {
  Memory& m = memory();
  const std::lock_guard lock(m.mutex);
  const std::int64_t count = ++m.allocations, last = settings().last_allocation;
  if (count == settings().failing_allocation || (last != 0 && count > last)) {
    std::fprintf(stderr, "gpu double: allocation %lld fails as asked\n",
                 static_cast<long long>(count));
    return nullptr;
  }
  if (bytes > kCapacity - m.live_bytes) return nullptr;
  const Block block{bytes, kind};
  void* const whole = std::aligned_alloc(kAlignment, block.whole());
  if (whole == nullptr) return nullptr;
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(whole) + kRedzone;
  std::memset(at(address), idle() ? 0 : kPoison, bytes);
  for_each_redzone(address, block, [](std::uintptr_t begin, std::size_t size) {
    std::memset(at(begin), kRedzoneByte, size);
    forbid(begin, size);
  });
  m.live.emplace(address, block);
  m.live_bytes += bytes;
  return at(address);
}

void drop(void* data, MemoryKind kind) {
  Memory& m = memory();
  const std::lock_guard lock(m.mutex);
  const auto found = m.live.find(reinterpret_cast<std::uintptr_t>(data));
  if (found == m.live.end()) violation("freed what is no live block of the device");
  const auto [address, block] = *found;
  if (block.kind != kind) {
    violation(name(address, block) + " was freed by the function of another kind of memory");
  }
  check_block(address, block);
  m.live.erase(found);
  m.live_bytes -= block.bytes;
  if (idle()) {  // no kernel runs that could read it
    permit(address - kRedzone, block.whole());
    return std::free(at(address - kRedzone));
  }
  std::memset(at(address), kPoison, block.bytes);
  forbid(address, block.bytes);
  m.freed.emplace_back(address, block);
  m.freed_bytes += block.whole();
  while (m.freed_bytes > kQuarantine && m.freed.size() > kLeastFreed) {
    const auto [oldest, size] = m.freed.front();
    m.freed.pop_front();
    m.freed_bytes -= size.whole();
    give_back(oldest, size);
  }
}

bool on_device(const void* data, std::size_t bytes) {
  Memory& m = memory();
  const std::lock_guard lock(m.mutex);
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  const auto found = find(m, address);
  return found != m.live.end() && bytes <= found->second.bytes - (address - found->first);
}

void require_on_device(const void* data, std::size_t bytes, const char* what) {
  if (!on_device(data, bytes)) {
    violation(std::string(what) + ": " + std::to_string(bytes) +
              " bytes do not lie in one live block of the device");
  }
}

void check_memory() {
  Memory& m = memory();
  const std::lock_guard lock(m.mutex);
  for (const auto& [address, block] : m.live) check_block(address, block);
  for (const auto& [address, block] : m.freed) check_freed(address, block);
}

std::size_t live_bytes() {
  return memory().live_bytes;
}

std::int64_t allocations() {
  return memory().allocations;
}

}  // namespace frost::gpu_double
