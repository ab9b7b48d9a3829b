#pragma once

#include <cstddef>
#include <string>

#include "rl/environment_spec.h"

namespace frost {

/// What a worker process says of its environment.
struct PythonSpaces {
  std::string runs_on;  ///< versions of Python and its packages
  int time_limit = 0;
  bool saves = false;                       ///< it has get_state and set_state
  bool vector = false;                      ///< it steps several, by one call
  bool renews = true;                       ///< it begins an episode in the middle of another
  int height = 0, width = 0, channels = 0;  ///< of its pictures; 0: it shows none
  int values = 0;                           ///< of its vector; 0: it shows none
  ActionSpace actions;

  std::size_t picture_bytes() const {
    return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) *
           static_cast<std::size_t>(channels);
  }
};

/// Reads the lines of a worker, "key value ...". Throws Error for others, and for sizes that are
/// out of all measure.
PythonSpaces parse_spaces(const std::string& lines);

/// The environment's own spec, with pictures of at most `picture_size` pixels a side; 0: as they
/// are. Throws UsageError where it shows nothing.
EnvironmentSpec python_environment_spec(const std::string& name, const PythonSpaces& spaces,
                                        int picture_size);

}  // namespace frost
