#include "tools/runs/evaluation/episode_film.h"

#include <fmt/format.h>

namespace frost {
namespace {

constexpr int kStepCentiseconds = 12, kEndCentiseconds = 150;

}  // namespace

EpisodeFilm::EpisodeFilm(Sink sink, int episodes, std::string policy, bool stills, int most_frames)
    : sink_(std::move(sink)),
      episodes_(episodes),
      policy_(std::move(policy)),
      stills_(stills),
      most_frames_(most_frames) {}

void EpisodeFilm::before_step(int episode, const Environment& environment, const Action& action) {
  if (episode >= episodes_) return;
  add_frame(episode, environment, &action, kStepCentiseconds);
}

void EpisodeFilm::after_step(int episode, const Environment& environment,
                             const StepResult& result) {
  if (episode >= episodes_) return;
  reels_[episode].episode_return += result.reward[kTotal];
  if (!result.done()) return;
  add_frame(episode, environment, nullptr, kEndCentiseconds);
  sink_(fmt::format("episode{:03}.gif", episode), reels_[episode].animation->finish());
  reels_.erase(episode);
}

void EpisodeFilm::add_frame(int episode, const Environment& environment, const Action* action,
                            int centiseconds) {
  Reel& reel = reels_[episode];
  if (reel.frames == most_frames_) return;
  ++reel.frames;
  const RgbImage frame = environment.render(
      {action, fmt::format("{}, episode {}", policy_, episode), reel.episode_return});
  if (!reel.animation) reel.animation = std::make_unique<GifAnimation>(frame.width, frame.height);
  reel.animation->add(frame, centiseconds);
  if (!stills_) return;
  sink_(fmt::format("episode{:03}/step{:04}.png", episode, environment.episode_steps()),
        encode_png(frame));
}

}  // namespace frost
