#pragma once

#include <string>
#include <vector>

#include "tools/config/config.h"

namespace frost {

/// What a linear read-out finds in what some layer makes of the newest frames.
struct ProbeRow {
  std::string tap;  ///< resnet_tap_names(); "random ..." of bodies without pretrained weights
  int frames = 1;
  std::vector<double> scores;  ///< R² of every target, NaN where it does not vary
};

struct ProbeTable {
  std::string weights;               ///< where the bodies' came from
  std::string policy;                ///< that the states were recorded under
  std::vector<std::string> targets;  ///< the discounted reward to go, then the state's columns
  std::vector<ProbeRow> rows;        ///< then random bodies, where these are not, then "pixels"

  /// The row of the bodies' own taps, which stand first, with the highest mean over the targets but
  /// the first, or over that one where it is alone.
  const ProbeRow& best() const;
};

/// Scores every tap and number of frames up to `frames` on `steps` recorded states, by
/// `ridge_scores`: which layer carries what the task needs, before any training
/// (docs/pixels.md, "Which layer, how many frames").
///
/// Throws UsageError where the environment shows no pictures.
ProbeTable probe_taps(const Config& config, int steps, int frames);

/// A row per tap and number of frames, a column per target, and the best row.
std::string probe_text(const ProbeTable& table);
std::string probe_json(const ProbeTable& table);

}  // namespace frost
