#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "rl/action_space.h"

namespace frost {

/// A ragged graph (models/observation.h) with so many features of each node, of the whole and
/// of each edge.
struct GraphSpec {
  int node_features = 0, graph_features = 0, edge_features = 0;
};

/// A picture of bytes, row by row, channels last, and perhaps a vector of floats beside it.
struct PictureSpec {
  int height = 0, width = 0;
  int channels = 1;  ///< 1 or 3
  int values = 0;    ///< of the vector; 0: none
  int frames = 1;    ///< pictures of a state; above 1 only of `FrameStack`

  /// Of the pictures of a state.
  std::size_t bytes() const {
    return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) *
           static_cast<std::size_t>(channels) * static_cast<std::size_t>(frames);
  }
};

/// A vector of floats.
struct VectorSpec {
  int size = 0;
};

using ObservationSpec = std::variant<GraphSpec, PictureSpec, VectorSpec>;

/// A way in which episodes end; `code` stands in tables, 0 is "still running".
struct Ending {
  int code = 0;
  std::string name;
};

/// What an environment says of itself. All that others know of it is here: nothing above the
/// environments compares names.
struct EnvironmentSpec {
  std::string name;
  ObservationSpec observation = VectorSpec{};
  ActionSpace actions;
  /// Continuous values that the actor's heads have where that is more than `actions` uses, so that
  /// a checkpoint fits configurations with and without them.
  int continuous_heads = 0;
  /// [0] is what the agent earns, the others are its parts; the critic has a value head for each.
  std::vector<std::string> reward_names = {"total"};
  /// What each reward's head weighs in the value loss and, behind the first, its part in the
  /// combined advantage.
  std::vector<double> reward_weights = {1.0};
  /// Whether episodes can succeed; `Environment::progress` then says how near one came.
  bool has_goal = false;
  std::vector<Ending> endings = {{kTimeLimit, "time limit"}, {kTerminated, "end of the episode"}};
  int time_limit = 0;     ///< steps after which an episode is truncated; 0: none
  std::string size_unit;  ///< of what `StepResult::size` counts, such as "cells"; empty: nothing
  /// Rules that `Environment::scripted_action` knows, and the one that others are held against.
  std::vector<std::string> scripted_policies;
  std::string reference_policy;  ///< empty: none
  bool renders = false;          ///< `Environment::render` draws
  bool has_appearance = false;   ///< `Environment::set_appearance` changes how it looks
  /// Whether states are saved; where they are not, a resumed run begins new episodes.
  bool resumes_exactly = true;
  std::string runs_on;  ///< other programs that it needs, with versions; empty: none
  /// Columns of `Environment::state_row`, `reward_row` and `detail_rows`.
  std::vector<std::string> state_columns, reward_columns, detail_columns;

  /// Codes of the two endings that most environments have.
  static constexpr int kTimeLimit = 6, kTerminated = 7;
};

}  // namespace frost
