#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace frost::cuda {

class Stream;

/// Bytes in pinned memory of the host, and their place on the device.
struct UploadPiece {
  void* to;
  const void* from;
  std::int64_t bytes;
};

/// As many pieces as the arguments of one kernel hold.
inline constexpr std::size_t kMostUploadPieces = 128;

/// Copies at most kMostUploadPieces pieces in one launch, which reads them over the bus.
void upload_pieces(Stream& stream, std::span<const UploadPiece> pieces);

}  // namespace frost::cuda
