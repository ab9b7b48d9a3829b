#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/cpu/panel_gemm.h"
#include "kernels/families/convolution.h"

// What the indirect convolution multiplies: rows of pixels, taps of the weight.
namespace frost {

/// Which source pixel each target pixel reads through each tap.
struct PixelMap {
  std::int64_t taps, targets, sources;
  std::vector<std::int64_t> order;   ///< target pixels, those of equal taps side by side
  std::vector<std::int64_t> source;  ///< [place in the order, tap]; -1 is padding

  const std::int64_t* sources_of(std::int64_t place) const { return source.data() + place * taps; }
};

/// An output reads the input under its taps.
PixelMap outputs_from_inputs(const Conv2dShape& s);
/// An input reads the gradients of the outputs that it went into. Inputs of equal remainders by the
/// stride meet the same taps.
PixelMap inputs_from_outputs(const Conv2dShape& s);

/// Taps [first, end) and channels [channel, channel + depth) of each: rows of the weight, a tile of
/// which stays near the core while many rows of pixels pass by.
struct Chunk {
  std::int64_t first, end, channel, depth;
};
constexpr std::int64_t kChunkRows = 256;

/// All of a weight, in the order in which sums take it.
std::vector<Chunk> chunks_of(std::int64_t taps, std::int64_t channels);

/// Rows of products in groups of one tile, each with the taps that at least one of its rows has.
class RowGroups {
 public:
  /// Rows [begin, end) of `map` over n images of source rows `from`; `zeros` stands for padding.
  RowGroups(const PixelMap& map, std::int64_t n, std::int64_t begin, std::int64_t end,
            const float* from, std::int64_t channels, const float* zeros);

  /// Those of `chunks` that any row has taps of.
  std::vector<Chunk> live(const std::vector<Chunk>& chunks) const;
  /// The rows of all groups with their terms of a chunk, whose packed weight is at `weight`, `tap`
  /// floats for each tap; valid until the next call.
  std::span<const ScatteredRows> of(const Chunk& chunk, const float* weight, std::int64_t tap);

 private:
  struct Group {
    std::int64_t rows;
    std::size_t begin, end;  ///< of its terms
  };

  /// The taps of the last group.
  void add_terms(std::int64_t taps, const std::int64_t* const* sources, const float* const* images,
                 std::int64_t channels, const float* zeros);

  std::vector<Group> groups_;
  std::vector<ScatteredTerm> terms_;
  std::vector<std::int64_t> taps_;  ///< of each term
  std::vector<ScatteredRows> rows_;
};

}  // namespace frost
