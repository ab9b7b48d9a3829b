#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "engine/io/rgb_image.h"

namespace frost {

struct Colour {
  std::uint8_t red, green, blue;
};

/// `share` of `b` and the rest of `a`; `share` in [0, 1].
Colour mixed(Colour a, Colour b, double share);

/// An RGB image to draw on, with smooth edges. Positions are in pixels, x to the right and y down,
/// pixel (0, 0) covering [0, 1) x [0, 1); what lies outside is not drawn.
class Canvas {
 public:
  Canvas(int width, int height, Colour background);
  explicit Canvas(RgbImage image) : image_(std::move(image)) {}

  void rectangle(int x, int y, int width, int height, Colour colour);
  /// As rectangle, at any position: pixels that it covers in part are blended.
  void box(double left, double top, double width, double height, Colour colour);
  void disc(double x, double y, double radius, Colour colour);
  void ring(double x, double y, double radius, double width, Colour colour);
  void line(double x1, double y1, double x2, double y2, double width, Colour colour);
  /// One line in a face of 12 pixels height, its top left corner at (x, y); characters other than
  /// printable ASCII show as question marks.
  void text(int x, int y, const std::string& line, Colour colour);

  const RgbImage& image() const { return image_; }
  /// The image; the canvas has none afterwards.
  RgbImage take() { return std::move(image_); }

 private:
  void blend(int x, int y, Colour colour, double share);
  template <typename Distance>
  void shape(double left, double top, double right, double bottom, Colour colour,
             const Distance& distance);

  RgbImage image_;
};

}  // namespace frost
