#pragma once

#include <memory>
#include <string>

#include "tools/images/image.h"

namespace frost {

/// The image as a PNG file.
std::string encode_png(const RgbImage& image);

/// An animated GIF that repeats for ever. A frame holds what changed, in a palette of its own: the
/// 255 commonest of those colours, in place of others the nearest of them. All throw Error where
/// encoding fails.
class GifAnimation {
 public:
  /// Frames must have that size, at most 65535 x 65535.
  GifAnimation(int width, int height);
  ~GifAnimation();

  /// Shown for `centiseconds`.
  void add(const RgbImage& frame, int centiseconds);
  /// The file; nothing can be added afterwards.
  std::string finish();

 private:
  struct Encoder;
  std::unique_ptr<Encoder> encoder_;
};

}  // namespace frost
