#include "rl/environment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/errors.h"

namespace frost {

std::vector<std::uint8_t> Environment::save_state() const {
  fail("save_state", spec_.name + " does not save its state: its runs have no checkpoints");
}

void Environment::load_state(const std::vector<std::uint8_t>&) {
  fail("load_state", spec_.name + " does not save its state: its runs have no checkpoints");
}

void Environment::limit_time(int) {
  throw UsageError(fmt::format("the time limit of {}, {} steps, cannot be changed", spec_.name,
                               spec_.time_limit));
}

void Environment::set_appearance(const Appearance&) {
  fail("appearance", spec_.name + " looks one way only");
}

Action Environment::scripted_action(const std::string& policy, RandomStream&) const {
  throw UsageError(
      fmt::format("{} has no policy '{}': {}", spec_.name, policy,
                  spec_.scripted_policies.empty()
                      ? "it has none"
                      : fmt::format("use one of {}", fmt::join(spec_.scripted_policies, ", "))));
}

RgbImage Environment::render(const RenderRequest&) const {
  fail("render", spec_.name + " draws no pictures");
}

std::vector<std::vector<std::string>> Environment::detail_rows(const Action*) const {
  return {};
}

Action random_action(const ActionSpace& space, RandomStream& stream) {
  Action action;
  for (int row = 0; row < space.rows; ++row) {
    if (space.choices > 0) {
      action.decisions.push_back(
          static_cast<std::int32_t>(stream.below(static_cast<std::uint32_t>(space.choices))));
    }
    for (const ContinuousDimension& d : space.continuous) {
      action.parameters.push_back(static_cast<float>(stream.uniform(d.low, d.high)));
    }
  }
  return action;
}

void check_action(const ActionSpace& space, const Action& action) {
  const auto rows = static_cast<std::size_t>(space.rows);
  const std::size_t decisions = space.choices > 0 ? rows : 0;
  const std::size_t parameters = rows * space.continuous.size();
  if (action.decisions.size() != decisions || action.parameters.size() != parameters) {
    fail("step",
         fmt::format("an action of {} decisions and {} parameters, not {} and {}",
                     action.decisions.size(), action.parameters.size(), decisions, parameters));
  }
  for (const std::int32_t decision : action.decisions) {
    if (decision < 0 || decision >= space.choices) {
      fail("step", fmt::format("decision {} of {} choices", decision, space.choices));
    }
  }
  for (std::size_t i = 0; i < parameters; ++i) {
    const ContinuousDimension& dimension = space.continuous[i % space.continuous.size()];
    const double value = action.parameters[i];
    if (!(value >= dimension.low && value <= dimension.high)) {
      fail("step", fmt::format("parameter {} is {}, outside [{}, {}]", i, value, dimension.low,
                               dimension.high));
    }
  }
}

}  // namespace frost
