#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "engine/random.h"
#include "rl/environment.h"
#include "rl/envs/pixels/painted_environment.h"

namespace frost {

/// The environments that are drawn.
inline const std::vector<std::string> kPainted = {"PixelCartPole", "PixelPendulum", "PixelAcrobot",
                                                  "PixelMountainCar", "KeyDoor"};

using Pixels = std::vector<std::uint8_t>;

inline Pixels picture_of(const Environment& environment) {
  return std::get<PictureObservation>(environment.observe()).pixels;
}

/// Sum of all differences of bytes.
inline int difference(const Pixels& a, const Pixels& b) {
  int sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum;
}

/// Where the pixels near one colour are, in pixels from the top left corner.
struct Blob {
  double x = 0, y = 0;
  int count = 0;
};

inline Blob blob_of(const Pixels& pixels, Colour colour) {
  constexpr int kSide = PaintedEnvironment::kSide;
  Blob blob;
  for (int i = 0; i < kSide * kSide; ++i) {
    const std::uint8_t* p = pixels.data() + 3 * i;
    if (std::abs(p[0] - colour.red) + std::abs(p[1] - colour.green) + std::abs(p[2] - colour.blue) >
        30) {
      continue;
    }
    blob.x += i % kSide + 0.5;
    blob.y += i / kSide + 0.5;
    ++blob.count;
  }
  if (blob.count > 0) blob.x /= blob.count, blob.y /= blob.count;
  return blob;
}

}  // namespace frost
