#pragma once

#include <bitset>
#include <vector>

#include "engine/random.h"

namespace frost {

/// Two rooms with a wall between them: an agent and a key in one, a goal in the other, and a door
/// in the wall. Cells of the `kSide` x `kSide` grid are numbered row by row.
struct KeyDoorLayout {
  static constexpr int kSide = 7, kCells = kSide * kSide;
  /// Moves by number: up, right, down, left.
  static constexpr int kMoves = 4;

  std::bitset<kCells> walls;
  int agent = 0, key = 0, door = 0, goal = 0;

  /// The wall upright or level, in one of three places, the agent on either side of it.
  static KeyDoorLayout draw(RandomStream& stream);

  /// Where a move leads, walls and a closed door ahead let one stay.
  int after(int cell, int move, bool door_opens) const;
  /// Steps from every cell to `target`; kCells where there is no way.
  std::vector<int> steps_to(int target, bool door_opens) const;
  /// Steps of the shortest way from a cell over the key, where it is not had yet, to `target`.
  int shortest_way(int from, bool has_key, int target) const;
  /// Whether an episode can have come to such a state after so many steps; for any `cell`.
  bool can_be_at(int cell, bool has_key, bool door_open, int steps) const;
};

}  // namespace frost
