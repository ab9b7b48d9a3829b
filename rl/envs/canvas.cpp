#include "rl/envs/canvas.h"

#include <algorithm>
#include <cmath>
#include <vector>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_easy_font.h>
#pragma GCC diagnostic pop

namespace frost {

Colour mixed(Colour a, Colour b, double share) {
  const auto mix = [share](std::uint8_t x, std::uint8_t y) {
    return static_cast<std::uint8_t>(std::lround(x + share * (y - x)));
  };
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

Canvas::Canvas(int width, int height, Colour background) {
  image_.width = width;
  image_.height = height;
  image_.pixels.resize(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  rectangle(0, 0, width, height, background);
}

void Canvas::blend(int x, int y, Colour colour, double share) {
  std::uint8_t* pixel =
      image_.pixels.data() + 3 * (static_cast<std::ptrdiff_t>(y) * image_.width + x);
  const Colour now = share < 1 ? mixed({pixel[0], pixel[1], pixel[2]}, colour, share) : colour;
  pixel[0] = now.red, pixel[1] = now.green, pixel[2] = now.blue;
}

/// Covers each pixel of a box by how far inside the shape its middle lies; `distance` is negative
/// inside.
template <typename Distance>
void Canvas::shape(double left, double top, double right, double bottom, Colour colour,
                   const Distance& distance) {
  const auto pixel = [](double v, int count) {
    return static_cast<int>(std::clamp(v, 0.0, static_cast<double>(count)));
  };
  const int x_end = pixel(std::ceil(right) + 1, image_.width);
  const int y_end = pixel(std::ceil(bottom) + 1, image_.height);
  for (int y = pixel(std::floor(top) - 1, image_.height); y < y_end; ++y) {
    for (int x = pixel(std::floor(left) - 1, image_.width); x < x_end; ++x) {
      const double share = std::clamp(0.5 - distance(x + 0.5, y + 0.5), 0.0, 1.0);
      if (share > 0) blend(x, y, colour, share);
    }
  }
}

void Canvas::rectangle(int x, int y, int width, int height, Colour colour) {
  const int x_end = std::min(x + width, image_.width), y_end = std::min(y + height, image_.height);
  for (int row = std::max(y, 0); row < y_end; ++row) {
    for (int column = std::max(x, 0); column < x_end; ++column) blend(column, row, colour, 1);
  }
}

void Canvas::box(double left, double top, double width, double height, Colour colour) {
  const double x = left + width / 2, y = top + height / 2;
  shape(left, top, left + width, top + height, colour, [&](double px, double py) {
    return std::max(std::abs(px - x) - width / 2, std::abs(py - y) - height / 2);
  });
}

void Canvas::disc(double x, double y, double radius, Colour colour) {
  shape(x - radius, y - radius, x + radius, y + radius, colour,
        [&](double px, double py) { return std::hypot(px - x, py - y) - radius; });
}

void Canvas::ring(double x, double y, double radius, double width, Colour colour) {
  const double outer = radius + width / 2;
  shape(x - outer, y - outer, x + outer, y + outer, colour, [&](double px, double py) {
    return std::abs(std::hypot(px - x, py - y) - radius) - width / 2;
  });
}

void Canvas::line(double x1, double y1, double x2, double y2, double width, Colour colour) {
  const double dx = x2 - x1, dy = y2 - y1, square = dx * dx + dy * dy;
  const double half = width / 2;
  shape(std::min(x1, x2) - half, std::min(y1, y2) - half, std::max(x1, x2) + half,
        std::max(y1, y2) + half, colour, [&](double px, double py) {
          const double along = square > 0 ? ((px - x1) * dx + (py - y1) * dy) / square : 0;
          const double t = std::clamp(along, 0.0, 1.0);
          return std::hypot(px - x1 - t * dx, py - y1 - t * dy) - half;
        });
}

void Canvas::text(int x, int y, const std::string& line, Colour colour) {
  struct Corner {
    float x, y, z;
    unsigned char rgba[4];
  };
  // A character has fewer than 20 rectangles of four corners.
  std::vector<Corner> corners(80 * line.size() + 4);
  std::string copy = line;  // the face has no other characters, and the library does not look
  std::replace_if(
      copy.begin(), copy.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  const int quads =
      stb_easy_font_print(static_cast<float>(x), static_cast<float>(y), copy.data(), nullptr,
                          corners.data(), static_cast<int>(corners.size() * sizeof(Corner)));
  for (int q = 0; q < quads; ++q) {
    const Corner& from = corners[static_cast<std::size_t>(4 * q)];
    const Corner& to = corners[static_cast<std::size_t>(4 * q + 2)];
    rectangle(static_cast<int>(from.x), static_cast<int>(from.y), static_cast<int>(to.x - from.x),
              static_cast<int>(to.y - from.y), colour);
  }
}

}  // namespace frost
