#include "rl/envs/durotaxis/views/colony_frame.h"

#include <algorithm>
#include <cmath>

#include "rl/envs/canvas.h"

namespace frost {
namespace {

constexpr Colour kPage{255, 255, 255}, kText{40, 40, 40};
constexpr Colour kSoft{244, 246, 248}, kStiff{138, 160, 178};
constexpr Colour kGoal{47, 111, 79}, kEdge{60, 60, 60}, kRoot{20, 20, 20}, kMark{20, 20, 20};
constexpr Colour kSpawning{33, 102, 172}, kDeleting{214, 72, 44}, kUndecided{120, 90, 160};

constexpr int kMargin = 12, kTop = 36, kBottom = 22;
constexpr int kLeastWidth = 330;  ///< for the captions and the legend
/// Steps of the field's shading: more would leave an animation's palette no room for cells.
constexpr double kShades = 64;
constexpr int kGrownUp = 6;  ///< age in steps of a cell in full colour

struct View {
  double scale;
  int left, top, width, height;  ///< of the field, in pixels

  double x(double position) const { return left + scale * position; }
  double y(double position) const { return top + scale * position; }
};

View view_of(const Substrate& field) {
  View view{};
  view.scale = static_cast<double>(kFieldPixels) / std::max(field.width(), field.height());
  view.width = std::max(1, static_cast<int>(std::lround(view.scale * field.width())));
  view.height = std::max(1, static_cast<int>(std::lround(view.scale * field.height())));
  view.left = std::max(kMargin, (kLeastWidth - view.width) / 2);
  view.top = kTop;
  return view;
}

void draw_field(Canvas& canvas, const View& view, const Substrate& field) {
  const double least = field.intensity(0), range = field.max_intensity() - least;
  for (int column = 0; column < view.width; ++column) {
    const double intensity = field.intensity((column + 0.5) / view.scale);
    const double share = range > 0 ? (intensity - least) / range : 0;
    canvas.rectangle(view.left + column, view.top, 1, view.height,
                     mixed(kSoft, kStiff, std::round(share * kShades) / kShades));
  }
  const double goal = view.x(0.95 * field.width());
  canvas.line(goal, view.top, goal, view.top + view.height, 1.5, kGoal);
}

Colour colour_of(const Cell& cell, const Action* action, std::size_t index) {
  const Colour full = action == nullptr                            ? kUndecided
                      : action->decisions.at(index) == kDeleteCell ? kDeleting
                                                                   : kSpawning;
  const double youth = 1.0 - static_cast<double>(std::min(cell.age, kGrownUp)) / kGrownUp;
  return mixed(full, kPage, 0.4 * youth);
}

void draw_cells(Canvas& canvas, const View& view, const std::vector<Cell>& cells,
                const Action* action) {
  const double radius = std::clamp(1.2 * view.scale, 3.5, 8.0);
  for (const Cell& cell : cells) {
    if (cell.parent == Cell::kNoParent) continue;
    const Cell& parent = cells[static_cast<std::size_t>(cell.parent)];
    canvas.line(view.x(parent.x), view.y(parent.y), view.x(cell.x), view.y(cell.y), 1, kEdge);
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const double x = view.x(cells[i].x), y = view.y(cells[i].y);
    canvas.disc(x, y, radius, colour_of(cells[i], action, i));
    if (cells[i].parent == Cell::kNoParent) canvas.ring(x, y, radius + 0.5, 1.2, kRoot);
    if (cells[i].marked) canvas.disc(x, y, radius / 2.5, kMark);
  }
}

void draw_legend(Canvas& canvas, int y, bool decided) {
  int x = kMargin;
  const auto entry = [&](const std::string& name, int width, const auto& symbol) {
    symbol(x + 4.0, y + 3.5);
    canvas.text(x + 12, y, name, kText);
    x += width;
  };
  const auto dot = [&](Colour colour) {
    return [&canvas, colour](double at, double row) { canvas.disc(at, row, 4, colour); };
  };
  if (decided) {
    entry("spawns", 62, dot(kSpawning));
    entry("deletes", 66, dot(kDeleting));
  } else {
    entry("end of the episode", 128, dot(kUndecided));
  }
  entry("root", 46, [&](double at, double row) { canvas.ring(at, row, 3.5, 1.2, kRoot); });
  entry("marked", 62, [&](double at, double row) { canvas.disc(at, row, 2, kMark); });
  entry("success", 60,
        [&](double at, double row) { canvas.line(at, row - 4, at, row + 4, 1.5, kGoal); });
}

}  // namespace

RgbImage draw_frame(const Colony& colony, const Substrate& field, const Action* joint_action,
                    const std::string& title, const std::string& numbers) {
  const View view = view_of(field);
  Canvas canvas(view.width + 2 * view.left, kTop + view.height + kBottom, kPage);
  canvas.text(kMargin, 8, title, kText);
  canvas.text(kMargin, 21, numbers, kText);
  draw_field(canvas, view, field);
  draw_cells(canvas, view, colony.cells(), joint_action);
  draw_legend(canvas, kTop + view.height + 8, joint_action != nullptr);
  return canvas.image();
}

}  // namespace frost
