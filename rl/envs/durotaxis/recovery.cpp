#include "rl/envs/durotaxis/recovery.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/errors.h"

namespace frost {

namespace {

// Rounding to float must not carry a cell across the far edge of a wide field.
float inside(double value, int side) {
  const auto clamped = static_cast<float>(std::clamp(value, 0.0, side - 1e-3));
  return std::min(clamped, std::nextafter(static_cast<float>(side), 0.0f));
}

}  // namespace

void recover(Colony& colony, const std::optional<std::array<double, 2>>& lost_at,
             const Substrate& substrate, const RecoveryConfig& config, RandomStream& stream) {
  if (colony.size() != 0) fail("recover", "the colony still has cells; only an empty one recovers");
  if (!lost_at) {
    add_initial_cells(colony, config.spawn_nodes, substrate, stream);
    return;
  }
  const auto [cx, cy] = *lost_at;
  const double spread = std::max(5.0, config.position_noise);
  const int cells = config.spawn_nodes;
  for (int i = 0; i < cells; ++i) {
    double dx, dy;
    if (cells == 1) {
      dx = 0.5 * spread * stream.normal();
      dy = 0.5 * spread * stream.normal();
    } else {
      const double angle = 2.0 * std::numbers::pi * i / cells;
      dx = 2.0 * spread * std::cos(angle) + stream.uniform(-0.3 * spread, 0.3 * spread);
      dy = 2.0 * spread * std::sin(angle) + stream.uniform(-0.3 * spread, 0.3 * spread);
    }
    colony.add(inside(cx + dx, substrate.width()), inside(cy + dy, substrate.height()));
  }
  colony.connect_path();
}

}  // namespace frost
