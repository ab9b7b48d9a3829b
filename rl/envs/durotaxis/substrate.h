#pragma once

#include <vector>

#include "engine/random.h"
#include "rl/envs/durotaxis/durotaxis_config.h"

namespace frost {

/// The stiffness field of one episode: W x H columns of intensity, constant along y
/// (docs/durotaxis.md, "Substrate").
class Substrate {
 public:
  /// Builds a concrete field. Throws UsageError on kind `random` (resolve it first), on a side
  /// below 8, and on parameters that leave no finite positive intensity.
  explicit Substrate(const SubstrateConfig& config);

  /// Intensity at column clamp(trunc(x), 0, W-1); no interpolation. x must be a number.
  double intensity(double x) const { return columns_[column(x)]; }
  double max_intensity() const { return max_; }
  /// Intensity at `to` minus that at `from`, in units of the field's rise from the column of `from`
  /// to the next: the columns gained, where the field is linear. 0 where it does not rise.
  double gain(double from, double to) const;

  SubstrateConfig::Kind kind() const { return config_.kind; }
  double m() const { return config_.m; }
  double b() const { return config_.b; }
  int width() const { return config_.width; }
  int height() const { return config_.height; }

 private:
  std::size_t column(double x) const {
    const double last = static_cast<double>(columns_.size() - 1);
    return x <= 0.0 ? 0 : static_cast<std::size_t>(x < last ? x : last);
  }

  SubstrateConfig config_;
  std::vector<double> columns_;
  double max_ = 0.0;
};

/// Replaces kind `random` by linear or exponential (p = 1/2 each) with m and b uniform in the
/// configured ranges; other kinds come back unchanged and draw nothing.
SubstrateConfig resolve_field(SubstrateConfig config, RandomStream& stream);

}  // namespace frost
