#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace frost {

/// A convolution of a ResNet with the BatchNorm behind it, under torchvision's names.
struct ResNetConv {
  std::string conv, norm;
  std::int64_t in, out, kernel, stride;
  bool shortcut = false;  ///< reads what enters the block, not what the convolution before yields

  std::int64_t pad() const { return kernel / 2; }
  /// Side of the map that leaves where one of `side` enters.
  std::int64_t side_after(std::int64_t side) const {
    return (side + 2 * pad() - kernel) / stride + 1;
  }
};

/// A row of the table of ResNets (He et al. 2016, torchvision's form: the stride of a bottleneck is
/// in its 3x3 convolution).
///
/// Units: 0 the stem with its max pooling, then the blocks, last the average pooling.
struct ResNetSpec {
  int depth;                  ///< 18, 34, 50
  std::array<int, 4> blocks;  ///< of layer1 .. layer4
  bool bottleneck;            ///< 1x1, 3x3, 1x1 to four times the width, in place of two 3x3

  int units() const;
  /// Where block `block` of `stage` 1 .. 4 is in the chain; block 0 of stage 5 is the pooling.
  int unit_of(int stage, int block) const;
  /// In order, the projection of the shortcut last; none in the pooling.
  std::vector<ResNetConv> convs(int unit) const;
  /// Side of the map that enters `unit` where pictures of `side` enter the stem.
  std::int64_t side_at(int unit, std::int64_t side) const;
  /// Channels of what `stage` yields; of stage 0, the stem.
  std::int64_t channels(int stage) const;
  /// Width of the pooled features, 512 or 2048.
  std::int64_t features() const { return channels(4); }
};

/// Where a body ends.
struct ResNetTap {
  int stage = 4;       ///< the last one, 1 .. 4; 0: the stem alone
  bool pooled = true;  ///< whether the map it yields is averaged

  bool operator==(const ResNetTap&) const = default;
};

/// "stem", "layer1" .. "layer4" or "pooled", which is layer4. Throws UsageError listing the names.
int resnet_tap_stage(const std::string& name);
std::vector<std::string> resnet_tap_names();

/// The table: 18, 34 and 50.
const std::vector<ResNetSpec>& resnet_specs();
/// Throws UsageError for another depth.
const ResNetSpec& resnet_spec(int depth);
/// "resnet18" for 18.
std::string resnet_name(int depth);
/// 18 for "resnet18"; throws UsageError listing the known names.
int resnet_depth(const std::string& name);
std::vector<std::string> resnet_names();

}  // namespace frost
