#include "rl/envs/durotaxis/views/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/errors.h"
#include "rl/envs/durotaxis/baselines.h"
#include "rl/envs/durotaxis/spec.h"

namespace frost {
namespace {

constexpr double kBrightestField = 96.0;
constexpr std::uint8_t kCellValue = 255;

/// The pixel along one axis that `position` of `extent` units falls into.
int pixel_of(double position, int extent, int side) {
  return std::clamp(static_cast<int>(position * side / extent), 0, side - 1);
}

}  // namespace

PictureObservation draw_colony(const Colony& colony, const Substrate& substrate, int side) {
  std::vector<std::uint8_t> row(static_cast<std::size_t>(side));
  for (int c = 0; c < side; ++c) {
    const double intensity = substrate.intensity((c + 0.5) * substrate.width() / side);
    row[static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(
        std::lround(kBrightestField * intensity / substrate.max_intensity()));
  }
  PictureObservation image;
  image.pixels.reserve(row.size() * row.size());
  for (int r = 0; r < side; ++r) image.pixels.insert(image.pixels.end(), row.begin(), row.end());
  const auto draw = [&](int r, int c) {
    if (r < 0 || r >= side || c < 0 || c >= side) return;
    image.pixels[static_cast<std::size_t>(r * side + c)] = kCellValue;
  };
  for (const Cell& cell : colony.cells()) {
    const int r = pixel_of(cell.y, substrate.height(), side);
    const int c = pixel_of(cell.x, substrate.width(), side);
    for (const auto& [dr, dc] : {std::pair{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
      draw(r + dr, c + dc);
    }
  }
  return image;
}

PictureDurotaxis::PictureDurotaxis(const DurotaxisConfig& config)
    : Environment(colony_picture_spec(config)), colony_(config) {}

Action PictureDurotaxis::joint_action(const Action& action) const {
  const std::size_t dims = colony_.config().spawn.continuous() ? 5 : 1;
  if (action.parameters.size() != dims) {
    fail("step",
         fmt::format("{} values for a global action of {}", action.parameters.size(), dims));
  }
  const double ratio = action.parameters[0];
  if (!(ratio >= 0.0 && ratio <= 1.0)) fail("step", fmt::format("a delete ratio of {}", ratio));
  const auto deletes = static_cast<std::size_t>(ratio * colony_.colony().size());
  Action joint = delete_leftmost(colony_.colony(), deletes);
  for (std::size_t i = 0; dims > 1 && i < joint.decisions.size(); ++i) {
    joint.parameters.insert(joint.parameters.end(), action.parameters.begin() + 1,
                            action.parameters.end());
  }
  return joint;
}

Observation PictureDurotaxis::observe() const {
  return draw_colony(colony_.colony(), colony_.substrate(), colony_.config().image_size);
}

RgbImage PictureDurotaxis::render(const RenderRequest& request) const {
  if (request.action == nullptr) return colony_.render(request);
  const Action joint = joint_action(*request.action);
  RenderRequest of_cells = request;
  of_cells.action = &joint;
  return colony_.render(of_cells);
}

std::vector<std::vector<std::string>> PictureDurotaxis::detail_rows(const Action* action) const {
  if (action == nullptr) return colony_.detail_rows(nullptr);
  const Action joint = joint_action(*action);
  return colony_.detail_rows(&joint);
}

}  // namespace frost
