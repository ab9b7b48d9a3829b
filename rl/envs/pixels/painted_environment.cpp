#include "rl/envs/pixels/painted_environment.h"

#include <fmt/format.h>

#include <utility>

#include "kernels/errors.h"

namespace frost {
namespace {

constexpr Colour kPage{255, 255, 255}, kText{40, 40, 40};
constexpr int kRenderScale = 4, kCaption = 36, kLeft = 8;

EnvironmentSpec painted(EnvironmentSpec spec, int values) {
  constexpr int kSide = PaintedEnvironment::kSide;
  spec.observation = PictureSpec{kSide, kSide, 3, values};
  spec.renders = true;
  spec.has_appearance = true;
  return spec;
}

/// Every pixel `scale` times in both directions.
RgbImage enlarged(const RgbImage& image, int scale) {
  RgbImage large{scale * image.width, scale * image.height, {}};
  large.pixels.reserve(image.pixels.size() * static_cast<std::size_t>(scale * scale));
  for (int y = 0; y < large.height; ++y) {
    for (int x = 0; x < large.width; ++x) {
      const auto from = image.pixels.begin() + 3 * ((y / scale) * image.width + x / scale);
      large.pixels.insert(large.pixels.end(), from, from + 3);
    }
  }
  return large;
}

}  // namespace

PaintedEnvironment::PaintedEnvironment(EnvironmentSpec spec, Palette standard, int values)
    : Environment(painted(std::move(spec), values)), standard_(std::move(standard)) {}

void PaintedEnvironment::set_appearance(const Appearance& appearance) {
  if (appearance.backgrounds) {
    for (const RgbImage& picture : *appearance.backgrounds) {
      if (picture.width == kSide && picture.height == kSide) continue;
      fail("appearance", fmt::format("a background of {}x{} pixels; {}x{} are needed",
                                     picture.width, picture.height, kSide, kSide));
    }
  }
  appearance_ = appearance;
  if (!still_.pixels.empty()) dress(episode_seed_);
}

void PaintedEnvironment::dress(std::uint64_t episode_seed) {
  episode_seed_ = episode_seed;
  palette_ = episode_palette(appearance_, standard_, episode_seed);
  still_ = still_picture(1);
}

Painter PaintedEnvironment::painter(Canvas& canvas, int scale) const {
  return {canvas, static_cast<double>(scale), static_cast<double>(appearance_.right),
          static_cast<double>(appearance_.down)};
}

RgbImage PaintedEnvironment::still_picture(int scale) const {
  const RgbImage* background = episode_background(appearance_, episode_seed_);
  Canvas canvas = background == nullptr ? Canvas(scale * kSide, scale * kSide, palette_[0])
                                        : Canvas(enlarged(*background, scale));
  Painter painter = this->painter(canvas, scale);
  paint_still(painter, palette_);
  return canvas.take();
}

Observation PaintedEnvironment::observe() const {
  if (still_.pixels.empty()) fail("observe", "no episode has begun; call reset first");
  Canvas canvas(still_);
  Painter painter = this->painter(canvas, 1);
  paint_moving(painter, palette_);
  return PictureObservation{canvas.take().pixels, values()};
}

RgbImage PaintedEnvironment::render(const RenderRequest& request) const {
  if (still_.pixels.empty()) fail("render", "no episode has begun; call reset first");
  Canvas canvas(still_picture(kRenderScale));
  Painter painter = this->painter(canvas, kRenderScale);
  paint_moving(painter, palette_);
  const RgbImage scene = canvas.take();
  Canvas caption(scene.width, kCaption, kPage);
  caption.text(kLeft, 8, request.title, kText);
  caption.text(kLeft, 21,
               fmt::format("step {}, return {:.2f}", episode_steps(), request.episode_return),
               kText);
  RgbImage page = caption.take();
  page.height += scene.height;
  page.pixels.insert(page.pixels.end(), scene.pixels.begin(), scene.pixels.end());
  return page;
}

}  // namespace frost
