#pragma once

#include <cstdint>

#include "kernels/philox.h"

namespace frost {

/// What a random stream is for; every purpose draws from its own counter space of one seed.
enum class StreamPurpose : std::uint32_t {
  kInit = 1,      ///< initial weights
  kLayout = 2,    ///< environment resets
  kField = 3,     ///< what an environment draws once per episode
  kSampling = 4,  ///< actions
  kShuffle = 6,   ///< minibatch order
  kEvaluation = 7,
  kRecovery = 8,        ///< a second start within an episode
  kDynamics = 9,        ///< noise in an environment's steps
  kFirstUnused = 1000,  ///< from here on: a program's own
};

/// A sequence of random numbers from Philox4x32-10: (seed, stream) choose it, `position` is its
/// state.
///
/// Counter layout: words 0-1 hold the block index, word 2 the index (for example of an
/// environment), word 3 the purpose. Two streams with different (seed, purpose, index) never
/// overlap.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, StreamPurpose purpose, std::uint32_t index = 0)
      : seed_(seed), index_(index), purpose_(static_cast<std::uint32_t>(purpose)) {}

  std::uint32_t next_bits();
  /// Uniform in [0, 1), 24 bits.
  float uniform() { return philox_uniform(next_bits()); }
  /// Uniform in [0, 1), 53 bits.
  double uniform_double();
  double uniform(double low, double high) { return low + (high - low) * uniform_double(); }
  /// Standard normal by Box-Muller; consumes two 32-bit words.
  float normal();
  /// Uniform integer in [0, n); n > 0.
  std::uint32_t below(std::uint32_t n);

  /// Number of 32-bit words drawn so far: the whole state, as kept in checkpoints.
  std::uint64_t position() const { return position_; }
  void set_position(std::uint64_t position) {
    position_ = position;
    block_ready_ = false;
  }

 private:
  std::uint64_t seed_;
  std::uint32_t index_;
  std::uint32_t purpose_;
  std::uint64_t position_ = 0;
  PhiloxBlock block_{};  ///< of the current position; a cache, not state
  bool block_ready_ = false;
};

}  // namespace frost
