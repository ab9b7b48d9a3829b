#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "rl/evaluator.h"
#include "tools/image_encoders.h"

namespace frost {

/// Pictures of the first episodes of an evaluation: `episode000/step0000.png` is the colony before
/// the first step with what it is about to do, the last one that at the end; `episode000.gif` shows
/// them one after the other. Files appear complete; for environments that are a colony.
class ColonyFilm : public EvaluationObserver {
 public:
  /// Films `episodes` of them into `folder`, which must exist; `policy` stands above each frame.
  ColonyFilm(std::filesystem::path folder, int episodes, std::string policy);

  void before_step(int episode, const Environment& environment, const Action& action) override;
  void after_step(int episode, const Environment& environment, const StepResult& result) override;

 private:
  struct Reel {
    std::unique_ptr<GifAnimation> animation;
    double episode_return = 0;
  };
  void add_frame(int episode, const Environment& environment, const Action* joint_action,
                 int centiseconds);

  std::filesystem::path folder_;
  int episodes_;
  std::string policy_;
  std::map<int, Reel> reels_;  ///< of the episodes that run
};

}  // namespace frost
