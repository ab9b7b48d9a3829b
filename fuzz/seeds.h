#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace frost::fuzz {

/// A valid input of one target, to begin mutating from.
struct Seed {
  std::string target, name;
  std::vector<std::byte> bytes;
};

/// Small files in closed form for every target, the repository's configurations, and PyTorch's own
/// small files from $FROST_DATA/weights/pth_samples where that is set.
std::vector<Seed> make_seeds();

}  // namespace frost::fuzz
