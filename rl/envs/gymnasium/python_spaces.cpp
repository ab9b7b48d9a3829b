#include "rl/envs/gymnasium/python_spaces.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "kernels/errors.h"

namespace frost {
namespace {

/// Reads what follows the key of one line.
void read_entry(const std::string& key, std::istream& entry, PythonSpaces& spaces) {
  if (key == "runs_on") {
    std::getline(entry >> std::ws, spaces.runs_on);
  } else if (key == "time_limit") {
    entry >> spaces.time_limit;
  } else if (key == "saves") {
    entry >> spaces.saves;
  } else if (key == "vector") {
    spaces.vector = true;
    entry >> spaces.renews;
  } else if (key == "picture") {
    entry >> spaces.height >> spaces.width >> spaces.channels;
  } else if (key == "values") {
    entry >> spaces.values;
  } else if (key == "rows") {
    entry >> spaces.actions.rows;
  } else if (key == "choices") {
    entry >> spaces.actions.choices;
  } else if (key == "dimension") {
    ContinuousDimension dimension{0, 0, Squash::kClip};
    entry >> dimension.low >> dimension.high;
    spaces.actions.continuous.push_back(dimension);
  } else {
    entry.setstate(std::ios::failbit);
  }
}

int reduced(int side, int most) {
  return most > 0 ? std::min(side, most) : side;
}

}  // namespace

PythonSpaces parse_spaces(const std::string& lines) {
  PythonSpaces spaces;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    std::istringstream entry(line);
    std::string key;
    entry >> key;
    read_entry(key, entry, spaces);
    if (entry.fail()) fail("environment", "a worker process says '" + line + "'");
  }
  constexpr int kMost = 1 << 24;
  const bool sound = std::min({spaces.height, spaces.width, spaces.channels, spaces.values}) >= 0 &&
                     std::max({spaces.height, spaces.width, spaces.values}) <= kMost &&
                     spaces.picture_bytes() <= std::size_t{kMost} * 4 && spaces.actions.rows >= 1 &&
                     spaces.actions.rows <= kMost;
  if (!sound) fail("environment", "a worker process describes spaces that are out of all measure");
  return spaces;
}

EnvironmentSpec python_environment_spec(const std::string& name, const PythonSpaces& spaces,
                                        int picture_size) {
  EnvironmentSpec spec;
  spec.name = name;
  spec.actions = spaces.actions;
  spec.time_limit = spaces.time_limit;
  spec.resumes_exactly = spaces.saves;
  spec.runs_on = spaces.runs_on;
  if (spaces.height > 0) {
    spec.observation =
        PictureSpec{reduced(spaces.height, picture_size), reduced(spaces.width, picture_size),
                    spaces.channels, spaces.values};
  } else if (spaces.values > 0) {
    spec.observation = VectorSpec{spaces.values};
  } else {
    throw UsageError("environment.name is '" + name + "', whose observations are empty");
  }
  return spec;
}

}  // namespace frost
