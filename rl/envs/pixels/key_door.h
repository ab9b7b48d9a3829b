#pragma once

#include <string>
#include <vector>

#include "rl/envs/pixels/key_door_layout.h"
#include "rl/envs/pixels/painted_environment.h"

namespace frost {

/// A grid of two rooms: fetch the key, go through the door, reach the goal. After DoorKey of
/// MiniGrid (Chevalier-Boisvert et al. 2023), with a move per direction: stepping on the key takes
/// it, and whoever has it walks through the door (docs/pixels.md).
///
/// Actions: up, right, down, left. Reward: 1 - 0.9 steps / time limit at the goal, else 0. Beside
/// the picture one value, whether the key is carried. Progress: the share of the shortest way that
/// has been made. The policy "shortest_path" is optimal.
class KeyDoor : public PaintedEnvironment {
 public:
  KeyDoor();

  void reset(std::uint64_t episode_seed) override;
  StepResult step(const Action& action) override;
  int episode_steps() const override { return steps_; }
  double progress() const override;
  void limit_time(int steps) override { set_time_limit(steps); }
  std::vector<std::uint8_t> save_state() const override;
  void load_state(const std::vector<std::uint8_t>& bytes) override;
  Action scripted_action(const std::string& policy, RandomStream& stream) const override;
  std::vector<std::string> state_row() const override;

  const KeyDoorLayout& layout() const { return layout_; }
  int agent() const { return agent_; }
  /// Steps to the goal on the shortest way from here.
  int steps_left() const { return layout_.shortest_way(agent_, has_key_, layout_.goal); }

 protected:
  void paint_still(Painter& painter, const Palette& colours) const override;
  void paint_moving(Painter& painter, const Palette& colours) const override;
  std::vector<float> values() const override { return {has_key_ ? 1.0f : 0.0f}; }

 private:
  void begin(std::uint64_t seed);

  KeyDoorLayout layout_;
  std::uint64_t seed_ = 0;
  int agent_ = 0, steps_ = 0;
  bool has_key_ = false, door_open_ = false, running_ = false;
};

}  // namespace frost
