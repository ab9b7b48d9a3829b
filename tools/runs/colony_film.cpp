#include "tools/runs/colony_film.h"

#include <fmt/format.h>

#include "rl/envs/durotaxis/picture.h"
#include "tools/runs/colony_frame.h"

namespace frost {
namespace {

constexpr int kStepCentiseconds = 12, kEndCentiseconds = 150;

}  // namespace

ColonyFilm::ColonyFilm(Sink sink, int episodes, std::string policy)
    : sink_(std::move(sink)), episodes_(episodes), policy_(std::move(policy)) {}

void ColonyFilm::before_step(int episode, const Environment& environment, const Action& action) {
  if (episode >= episodes_) return;
  const Action joint = joint_action(environment, action);
  add_frame(episode, environment, &joint, kStepCentiseconds);
}

void ColonyFilm::after_step(int episode, const Environment& environment, const StepResult& result) {
  if (episode >= episodes_) return;
  reels_[episode].episode_return += result.reward[kTotal];
  if (!result.done()) return;
  add_frame(episode, environment, nullptr, kEndCentiseconds);
  sink_(fmt::format("episode{:03}.gif", episode), reels_[episode].animation->finish());
  reels_.erase(episode);
}

void ColonyFilm::add_frame(int episode, const Environment& environment, const Action* joint_action,
                           int centiseconds) {
  const Durotaxis& durotaxis = *find_colony(environment);
  Reel& reel = reels_[episode];
  const int step = durotaxis.episode_steps();
  const RgbImage frame =
      draw_frame(durotaxis, joint_action, fmt::format("{}, episode {}", policy_, episode),
                 fmt::format("step {}, {} cells, return {:.3f}", step, durotaxis.colony().size(),
                             reel.episode_return));
  if (!reel.animation) reel.animation = std::make_unique<GifAnimation>(frame.width, frame.height);
  reel.animation->add(frame, centiseconds);
  sink_(fmt::format("episode{:03}/step{:04}.png", episode, step), encode_png(frame));
}

}  // namespace frost
