#include "rl/replay_environment.h"

#include <fmt/format.h>

#include <utility>

#include "kernels/errors.h"
#include "rl/byte_stream.h"

namespace frost {

RecordedEpisodes record_episodes(Environment& environment, int steps, RandomStream& seeds) {
  const EnvironmentSpec& spec = environment.spec();
  return record_episodes(
      environment, spec, steps, seeds, [&] { return environment.observe(); },
      [&] {
        return spec.reference_policy.empty()
                   ? random_action(spec.actions, seeds)
                   : environment.scripted_action(spec.reference_policy, seeds);
      });
}

RecordedEpisodes record_episodes(Environment& environment, EnvironmentSpec spec, int steps,
                                 RandomStream& seeds, const std::function<Observation()>& observe,
                                 const std::function<Action()>& act) {
  RecordedEpisodes record{std::move(spec), {}};
  for (bool running = false; static_cast<int>(record.steps.size()) < steps;) {
    if (!running) environment.reset(seeds.next_bits());
    RecordedStep step{observe(), {}, environment.state_row()};
    step.result = environment.step(act());
    running = !step.result.done();
    record.steps.push_back(std::move(step));
  }
  StepResult& last = record.steps.back().result;
  last.terminated = true;
  last.truncated = false;
  return record;
}

StepResult ReplayEnvironment::step(const Action& action) {
  const RecordedStep& now = record_.steps[next_];
  const ActionSpace& space = spec().actions;
  const auto rows = static_cast<std::size_t>(
      space.rows == ActionSpace::kPerNode ? std::get<GraphObservation>(now.observation).num_nodes()
                                          : space.rows);
  const std::size_t decisions = space.choices > 0 ? rows : 0;
  const std::size_t values = rows * static_cast<std::size_t>(space.dims());
  if (action.decisions.size() != decisions || action.parameters.size() != values) {
    fail("replay", fmt::format("{} decisions and {} values for {} and {}", action.decisions.size(),
                               action.parameters.size(), decisions, values));
  }
  next_ = (next_ + 1) % record_.steps.size();
  ++steps_;
  return now.result;
}

std::vector<std::uint8_t> ReplayEnvironment::save_state() const {
  StateWriter writer;
  writer.put<std::uint64_t>(next_);
  writer.put(steps_);
  return writer.take();
}

void ReplayEnvironment::load_state(const std::vector<std::uint8_t>& state) {
  StateReader reader("replay", state);
  const auto next = reader.get<std::uint64_t>();
  const auto steps = reader.get<int>();
  reader.expect_end();
  if (next >= record_.steps.size()) fail("replay", "the state lies beyond the end of the record");
  next_ = next;
  steps_ = steps;
}

EnvironmentFactory replay_factory(const std::vector<RecordedEpisodes>& records) {
  return [&records, i = std::size_t{0}]() mutable {
    return std::make_unique<ReplayEnvironment>(records[i++ % records.size()]);
  };
}

}  // namespace frost
