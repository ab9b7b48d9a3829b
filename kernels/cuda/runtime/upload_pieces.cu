#include "kernels/cuda/runtime/upload_pieces.h"

#include <algorithm>
#include <cstdint>

#include "kernels/cuda/runtime/launch.cuh"

namespace frost::cuda {
namespace {

struct UploadPack {
  UploadPiece pieces[kMostUploadPieces];
};
static_assert(sizeof(UploadPack) <= 4096 - 64, "leaves no room for the other arguments");

/// Blocks that share one piece.
constexpr unsigned kBlocksOfPiece = 8;

/// Words where both ends lie at such, bytes elsewhere.
__global__ void __launch_bounds__(kBlockSize) upload_kernel(UploadPack pack) {
  const UploadPiece piece = pack.pieces[blockIdx.y];
  const auto first = static_cast<std::int64_t>(blockIdx.x) * kBlockSize + threadIdx.x;
  const std::int64_t step = std::int64_t{kBlocksOfPiece} * kBlockSize;
  const auto ends =
      reinterpret_cast<std::uintptr_t>(piece.to) | reinterpret_cast<std::uintptr_t>(piece.from);
  const std::int64_t words = ends % sizeof(std::uint32_t) == 0 ? piece.bytes / 4 : 0;
  auto* const to_words = static_cast<std::uint32_t*>(piece.to);
  const auto* const from_words = static_cast<const std::uint32_t*>(piece.from);
  for (std::int64_t i = first; i < words; i += step) to_words[i] = from_words[i];
  auto* const to = static_cast<std::uint8_t*>(piece.to);
  const auto* const from = static_cast<const std::uint8_t*>(piece.from);
  for (std::int64_t i = 4 * words + first; i < piece.bytes; i += step) to[i] = from[i];
}

}  // namespace

void upload_pieces(Stream& stream, std::span<const UploadPiece> pieces) {
  UploadPack pack = {};
  std::copy(pieces.begin(), pieces.end(), pack.pieces);
  std::int64_t bytes = 0;
  for (const UploadPiece& piece : pieces) bytes += piece.bytes;
  const dim3 grid(kBlocksOfPiece, static_cast<unsigned>(pieces.size()));
  launch(stream, writes<std::uint8_t>(bytes), grid, upload_kernel, pack);
}

}  // namespace frost::cuda
