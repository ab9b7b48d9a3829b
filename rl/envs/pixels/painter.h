#pragma once

#include "rl/envs/canvas.h"

namespace frost {

/// Draws on a canvas in pixels of an observation, whatever the canvas' size, moved by so many of
/// them; (0, 0) is the observation's top left corner.
class Painter {
 public:
  Painter(Canvas& canvas, double scale, double right, double down)
      : canvas_(canvas), scale_(scale), right_(right), down_(down) {}

  void box(double left, double top, double width, double height, Colour colour) {
    canvas_.box(x(left), y(top), scale_ * width, scale_ * height, colour);
  }
  void disc(double at_x, double at_y, double radius, Colour colour) {
    canvas_.disc(x(at_x), y(at_y), scale_ * radius, colour);
  }
  void line(double x1, double y1, double x2, double y2, double width, Colour colour) {
    canvas_.line(x(x1), y(y1), x(x2), y(y2), scale_ * width, colour);
  }

 private:
  double x(double v) const { return scale_ * (v + right_); }
  double y(double v) const { return scale_ * (v + down_); }

  Canvas& canvas_;
  double scale_, right_, down_;
};

}  // namespace frost
