#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weights/matching/modules.h"

namespace frost {

/// The classifier that belongs to a body.
struct HeadPlace {
  std::string path;  ///< empty: there is none
  std::string note;  ///< what was left and why, or where it was found; may be empty
};

/// Looks for one linear layer [classes, `features`] with a bias beside the body below `body`, or
/// beside what it lies in: `fc`, `head.fc`, `classifier.1`, a number in a Sequential. A head of
/// several layers is no classifier, nor is one of other than 1000 classes where `self_supervised`
/// says that it projects.
HeadPlace find_head(const std::vector<FileModule>& modules, const std::string& body,
                    std::int64_t features, bool self_supervised);

}  // namespace frost
