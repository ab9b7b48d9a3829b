#pragma once

#include <cstdint>
#include <vector>

namespace frost {

/// How a raw sample u of a normal becomes the executed value in [low, high].
enum class Squash {
  kSigmoid,  ///< low + (high - low) sigmoid(u)
  kTanh,     ///< centre + half-width tanh(u)
  kClip,     ///< u, cut off at both ends
};

/// One continuous dimension of an action.
struct ContinuousDimension {
  double low, high;
  Squash squash;
};

/// What an environment lets a policy decide, in decision rows: a categorical choice of each row, a
/// vector of continuous values of each row, or both.
struct ActionSpace {
  static constexpr int kPerNode = 0;
  static constexpr std::int32_t kAlways = -1;

  int rows = 1;     ///< decision rows of a state; kPerNode: one per node of the graph
  int choices = 0;  ///< of every row; 0: no discrete part
  std::vector<ContinuousDimension> continuous;  ///< of every row; empty: no continuous part
  /// The choice whose rows execute the continuous part; only their samples are scored.
  std::int32_t enabling_choice = kAlways;

  int dims() const { return static_cast<int>(continuous.size()); }
};

/// The executed value for the raw sample `u`.
double executed_value(const ContinuousDimension& dimension, double u);

/// log |d executed / du| of a squashed dimension: subtracted from the density of u, it gives the
/// density of the executed value. Throws Error for kClip, which has none.
double log_executed_derivative(const ContinuousDimension& dimension, double u);

}  // namespace frost
