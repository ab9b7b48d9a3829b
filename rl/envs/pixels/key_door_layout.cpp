#include "rl/envs/pixels/key_door_layout.h"

#include <array>
#include <deque>
#include <utility>

namespace frost {
namespace {

int drawn_below(RandomStream& stream, int count) {
  return static_cast<int>(stream.below(static_cast<std::uint32_t>(count)));
}

/// Takes one of `cells` out.
int take_cell(RandomStream& stream, std::vector<int>& cells) {
  const auto at = cells.begin() + drawn_below(stream, static_cast<int>(cells.size()));
  const int cell = *at;
  cells.erase(at);
  return cell;
}

}  // namespace

KeyDoorLayout KeyDoorLayout::draw(RandomStream& stream) {
  KeyDoorLayout layout;
  const bool upright = stream.below(2) == 1, agent_first = stream.below(2) == 1;
  const int wall = 2 + drawn_below(stream, 3), opening = drawn_below(stream, kSide);
  std::vector<int> first, second;  // the rooms before and behind the wall
  for (int across = 0; across < kSide; ++across) {
    for (int along = 0; along < kSide; ++along) {
      const int cell = upright ? along * kSide + across : across * kSide + along;
      if (across != wall) {
        (across < wall ? first : second).push_back(cell);
      } else if (along == opening) {
        layout.door = cell;
      } else {
        layout.walls.set(static_cast<std::size_t>(cell));
      }
    }
  }
  if (!agent_first) std::swap(first, second);
  layout.agent = take_cell(stream, first);
  layout.key = take_cell(stream, first);
  layout.goal = take_cell(stream, second);
  return layout;
}

int KeyDoorLayout::after(int cell, int move, bool door_opens) const {
  static constexpr std::array<std::pair<int, int>, kMoves> kWays = {
      {{-1, 0}, {0, 1}, {1, 0}, {0, -1}}};
  const auto [down, right] = kWays[static_cast<std::size_t>(move)];
  const int row = cell / kSide + down, column = cell % kSide + right;
  if (row < 0 || row >= kSide || column < 0 || column >= kSide) return cell;
  const int next = row * kSide + column;
  const bool shut = walls[static_cast<std::size_t>(next)] || (next == door && !door_opens);
  return shut ? cell : next;
}

std::vector<int> KeyDoorLayout::steps_to(int target, bool door_opens) const {
  std::vector<int> steps(kCells, kCells);
  steps[static_cast<std::size_t>(target)] = 0;
  std::deque<int> reached = {target};  // moves can be undone, so the search runs backwards
  while (!reached.empty()) {
    const int cell = reached.front();
    reached.pop_front();
    for (int move = 0; move < kMoves; ++move) {
      const auto next = static_cast<std::size_t>(after(cell, move, door_opens));
      if (steps[next] < kCells) continue;
      steps[next] = steps[static_cast<std::size_t>(cell)] + 1;
      reached.push_back(static_cast<int>(next));
    }
  }
  return steps;
}

int KeyDoorLayout::shortest_way(int from, bool has_key, int target) const {
  const std::vector<int> to_target = steps_to(target, true);
  const auto at = static_cast<std::size_t>(from);
  return has_key ? to_target[at]
                 : steps_to(key, false)[at] + to_target[static_cast<std::size_t>(key)];
}

bool KeyDoorLayout::can_be_at(int cell, bool has_key, bool door_open, int steps) const {
  if (cell < 0 || cell >= kCells || walls[static_cast<std::size_t>(cell)]) return false;
  const int direct = steps_to(agent, false)[static_cast<std::size_t>(cell)];
  if (direct == kCells && !door_open) return false;
  if (has_key) return shortest_way(agent, false, cell) <= steps;
  return cell != key && direct <= steps;
}

}  // namespace frost
