#include "weights/torch_archive/inflate.h"

#define ZLIB_CONST  // its input is not written to
#include <fmt/format.h>
#include <zlib.h>

#include <limits>

namespace frost {
namespace {

/// A byte of deflate stands for at most 1032; the constant leaves room for short streams.
constexpr std::uint64_t kLargestRatio = 1032, kShortStream = 64;

/// zlib's state for one raw stream, freed on every way out.
class RawInflater {
 public:
  RawInflater() : ready_(inflateInit2(&stream_, -MAX_WBITS) == Z_OK) {}
  RawInflater(const RawInflater&) = delete;
  RawInflater& operator=(const RawInflater&) = delete;
  ~RawInflater() {
    if (ready_) inflateEnd(&stream_);
  }

  /// Whether `packed` ends exactly where `out` is full.
  bool fills(std::span<const std::byte> packed, std::span<std::byte> out) {
    if (!ready_) return false;
    Bytef nothing = 0;  // zlib wants an address even for no bytes
    stream_.next_in = reinterpret_cast<const Bytef*>(packed.data());
    stream_.avail_in = static_cast<uInt>(packed.size());
    stream_.next_out = out.empty() ? &nothing : reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    return inflate(&stream_, Z_FINISH) == Z_STREAM_END && stream_.avail_in == 0 &&
           stream_.avail_out == 0;
  }

 private:
  z_stream stream_ = {};
  bool ready_;
};

}  // namespace

std::vector<std::byte> inflate_bytes(std::span<const std::byte> packed, std::uint64_t size,
                                     const std::string& who, const ByteReader& where) {
  constexpr std::uint64_t kMost = std::numeric_limits<uInt>::max();
  if (packed.size() > kMost || size > kMost ||
      size > packed.size() * kLargestRatio + kShortStream) {
    where.reject(fmt::format("{} claims to inflate {} bytes to {}", who, packed.size(), size));
  }
  std::vector<std::byte> out(size);
  if (!RawInflater().fills(packed, out)) {
    where.reject(fmt::format("{} does not inflate to its {} bytes", who, size));
  }
  return out;
}

}  // namespace frost
