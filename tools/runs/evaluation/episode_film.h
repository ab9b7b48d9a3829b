#pragma once

#include <functional>
#include <limits>
#include <map>
#include <string>

#include "rl/evaluator.h"
#include "tools/images/image_encoders.h"

namespace frost {

/// Pictures of the first episodes of an evaluation: `episode000/step0000.png` is the state before
/// the first step with what is about to be done, the last one that at the end; `episode000.gif`
/// shows them one after the other. For environments that render.
class EpisodeFilm : public EvaluationObserver {
 public:
  /// Takes a complete file.
  using Sink = std::function<void(const std::string& name, const std::string& content)>;

  /// Films the first `episodes`, each until `most_frames`; `policy` stands above each frame.
  /// Without `stills` only animations are made.
  EpisodeFilm(Sink sink, int episodes, std::string policy, bool stills = true,
              int most_frames = std::numeric_limits<int>::max());

  void before_step(int episode, const Environment& environment, const Action& action) override;
  void after_step(int episode, const Environment& environment, const StepResult& result) override;

 private:
  struct Reel {
    std::unique_ptr<GifAnimation> animation;
    double episode_return = 0;
    int frames = 0;
  };
  void add_frame(int episode, const Environment& environment, const Action* action,
                 int centiseconds);

  Sink sink_;
  int episodes_;
  std::string policy_;
  bool stills_;
  int most_frames_;
  std::map<int, Reel> reels_;  ///< of the episodes that run
};

}  // namespace frost
