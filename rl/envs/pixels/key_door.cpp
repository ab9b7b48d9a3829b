#include "rl/envs/pixels/key_door.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/errors.h"
#include "rl/envs/episode_record.h"

namespace frost {
namespace {

constexpr RecordKind kRecord{0x4459454b, 1, "a state of KeyDoor"};  // "KEYD"
constexpr int kGrid = KeyDoorLayout::kSide, kCells = KeyDoorLayout::kCells;
constexpr int kTimeLimit = 10 * kCells;  // MiniGrid's rule

EnvironmentSpec describe() {
  EnvironmentSpec spec;
  spec.name = "KeyDoor";
  spec.actions.choices = KeyDoorLayout::kMoves;
  spec.has_goal = true;
  spec.endings = {{EnvironmentSpec::kTimeLimit, "time limit"},
                  {EnvironmentSpec::kTerminated, "goal reached"}};
  spec.time_limit = kTimeLimit;
  spec.scripted_policies = {"shortest_path"};
  spec.reference_policy = "shortest_path";
  spec.state_columns = {"row", "column", "has_key", "door_open"};
  return spec;
}

const Palette kColours = {{255, 255, 255}, {110, 110, 110}, {200, 50, 50},
                          {230, 180, 0},   {130, 80, 30},   {60, 170, 80}};
enum : std::size_t { kFloor, kWall, kAgent, kKey, kDoor, kGoal };

constexpr int kMargin = 3, kCellPixels = 11;

double left_of(int cell) {
  return kMargin + kCellPixels * (cell % kGrid);
}
double top_of(int cell) {
  return kMargin + kCellPixels * (cell / kGrid);
}

void fill_cell(Painter& painter, int cell, Colour colour) {
  painter.box(left_of(cell), top_of(cell), kCellPixels, kCellPixels, colour);
}

}  // namespace

KeyDoor::KeyDoor() : PaintedEnvironment(describe(), kColours, 1) {}

void KeyDoor::begin(std::uint64_t seed) {
  RandomStream stream(seed, StreamPurpose::kLayout);
  layout_ = KeyDoorLayout::draw(stream);
  seed_ = seed;
  agent_ = layout_.agent;
  steps_ = 0;
  has_key_ = door_open_ = false;
  running_ = true;
  dress(seed);
}

void KeyDoor::reset(std::uint64_t episode_seed) {
  begin(episode_seed);
}

StepResult KeyDoor::step(const Action& action) {
  if (!running_) fail("step", "no episode is running; call reset first");
  check_action(spec().actions, action);
  agent_ = layout_.after(agent_, action.decisions[0], has_key_);
  has_key_ = has_key_ || agent_ == layout_.key;
  door_open_ = door_open_ || agent_ == layout_.door;
  ++steps_;
  StepResult result;
  result.success = result.terminated = agent_ == layout_.goal;
  result.truncated = !result.terminated && steps_ >= spec().time_limit;
  result.reward = {result.success ? 1 - 0.9 * steps_ / spec().time_limit : 0.0};
  running_ = !result.done();
  return result;
}

double KeyDoor::progress() const {
  const int whole = layout_.shortest_way(layout_.agent, false, layout_.goal);
  return std::clamp(1 - static_cast<double>(steps_left()) / whole, 0.0, 1.0);
}

Action KeyDoor::scripted_action(const std::string& policy, RandomStream& stream) const {
  if (policy != spec().reference_policy) return Environment::scripted_action(policy, stream);
  const std::vector<int> steps = layout_.steps_to(has_key_ ? layout_.goal : layout_.key, has_key_);
  const auto after = [&](int move) {
    return steps[static_cast<std::size_t>(layout_.after(agent_, move, has_key_))];
  };
  int best = 0;
  for (int move = 1; move < KeyDoorLayout::kMoves; ++move) {
    if (after(move) < after(best)) best = move;
  }
  return {{best}, {}};
}

std::vector<std::string> KeyDoor::state_row() const {
  return {fmt::format("{}", agent_ / kGrid), fmt::format("{}", agent_ % kGrid),
          has_key_ ? "1" : "0", door_open_ ? "1" : "0"};
}

void KeyDoor::paint_still(Painter& painter, const Palette& colours) const {
  constexpr double kEnd = kMargin + kGrid * kCellPixels;
  const Colour wall = colours[kWall];
  painter.box(0, 0, kSide, kMargin, wall);
  painter.box(0, kEnd, kSide, kSide - kEnd, wall);
  painter.box(0, kMargin, kMargin, kEnd - kMargin, wall);
  painter.box(kEnd, kMargin, kSide - kEnd, kEnd - kMargin, wall);
  for (int cell = 0; cell < kCells; ++cell) {
    if (layout_.walls[static_cast<std::size_t>(cell)]) fill_cell(painter, cell, wall);
  }
  fill_cell(painter, layout_.goal, colours[kGoal]);
}

void KeyDoor::paint_moving(Painter& painter, const Palette& colours) const {
  constexpr double kHalf = kCellPixels / 2.0;
  const double door_x = left_of(layout_.door), door_y = top_of(layout_.door);
  if (door_open_) {  // its frame is left, at two corners
    painter.box(door_x, door_y, 3, 3, colours[kDoor]);
    painter.box(door_x + kCellPixels - 3, door_y + kCellPixels - 3, 3, 3, colours[kDoor]);
  } else {
    fill_cell(painter, layout_.door, colours[kDoor]);
  }
  if (!has_key_) {
    const double x = left_of(layout_.key), y = top_of(layout_.key);
    painter.disc(x + 3.5, y + kHalf, 2.5, colours[kKey]);
    painter.line(x + 3.5, y + kHalf, x + 9, y + kHalf, 1.8, colours[kKey]);
    painter.line(x + 8.5, y + kHalf, x + 8.5, y + 8, 1.5, colours[kKey]);
  }
  painter.disc(left_of(agent_) + kHalf, top_of(agent_) + kHalf, 4, colours[kAgent]);
}

std::vector<std::uint8_t> KeyDoor::save_state() const {
  StateWriter out;
  put_place(out, kRecord, {running_, steps_, seed_});
  out.put(static_cast<std::int32_t>(agent_));
  out.put(static_cast<std::uint8_t>(has_key_));
  out.put(static_cast<std::uint8_t>(door_open_));
  return out.take();
}

void KeyDoor::load_state(const std::vector<std::uint8_t>& bytes) {
  StateReader in("load_state", bytes);
  const int limit = spec().time_limit;
  const auto [running, steps, seed] = get_place(in, kRecord, limit);
  const auto agent = in.get<std::int32_t>();
  const auto has_key = in.get<std::uint8_t>(), door_open = in.get<std::uint8_t>();
  in.expect_end();

  RandomStream stream(seed, StreamPurpose::kLayout);
  const KeyDoorLayout layout = KeyDoorLayout::draw(stream);
  const bool ended = agent == layout.goal || steps == limit;
  if (has_key > 1 || door_open > has_key || running == ended ||
      !layout.can_be_at(agent, has_key != 0, door_open != 0, steps))
    fail("load_state", fmt::format("an agent in cell {} at step {} is impossible", agent, steps));

  begin(seed);
  steps_ = steps;
  agent_ = agent;
  has_key_ = has_key != 0;
  door_open_ = door_open != 0;
  running_ = running;
}

}  // namespace frost
