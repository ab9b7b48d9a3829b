#pragma once

#include <string>

namespace frost {

/// What is seen of a Python environment: the observations of its states, the frames it renders, or
/// a frame with the observation's numbers beside it.
enum class PythonView { kState, kRender, kBoth };

/// How Python environments are made and run; docs/gymnasium.md.
struct GymnasiumConfig {
  std::string python = "python3";  ///< the interpreter, by path or as found in PATH
  std::string kwargs = "{}";       ///< of the function that makes it, as a JSON object
  PythonView view = PythonView::kState;
  int picture_size = 84;  ///< longer sides of pictures are reduced to it; 0: none are
  int workers = 0;        ///< processes at most; 0: as many as there are available CPUs
  int timeout = 60;       ///< seconds without an answer after which a worker has failed

  bool operator==(const GymnasiumConfig&) const = default;
};

/// Whether `name` is of a Python environment: "gymnasium:ID", "envpool:ID", or
/// "python:MODULE:CALLABLE", where MODULE may be the path of a file that ends in ".py".
inline bool is_python_environment(const std::string& name) {
  return name.starts_with("gymnasium:") || name.starts_with("envpool:") ||
         name.starts_with("python:");
}

}  // namespace frost
