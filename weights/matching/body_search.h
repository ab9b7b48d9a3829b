#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "weights/matching/modules.h"

namespace frost {

/// Where a complete ResNet body lies in a file.
struct BodyPlace {
  int depth;
  std::string path;  ///< below which it lies; empty: at the top
  std::vector<std::pair<std::string, std::string>> names;  ///< tensor in the file, torchvision's
};

/// The farthest that a body got which is not complete.
struct NearMiss {
  int depth = 0;  ///< 0: there is no convolution that a ResNet begins with
  std::string path;
  std::size_t matched = 0, layers = 0;  ///< convolutions, from the stem on
  std::string fault;                    ///< what is wrong with the next one
};

struct BodySearch {
  std::vector<BodyPlace> found;
  NearMiss nearest;
};

/// Looks for ResNet 18, 34 and 50 by structure: convolutions and norms in natural order of their
/// names, whatever these are, must have the shapes of a whole body, one after the other, and no
/// other layer may lie among them (docs/weights.md "Names"). conv1 may have 1 or 3 input channels.
BodySearch find_bodies(const std::vector<FileModule>& modules);

}  // namespace frost
