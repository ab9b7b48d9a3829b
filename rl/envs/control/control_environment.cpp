#include "rl/envs/control/control_environment.h"

#include <fmt/format.h>

#include <utility>

#include "kernels/errors.h"
#include "rl/envs/episode_record.h"

namespace frost {
namespace {

constexpr RecordKind kRecord{0x45464552, 1, "a control environment's state"};  // "REFE"

RandomStream episode_stream(std::uint64_t seed) {
  return RandomStream(seed, StreamPurpose::kLayout);
}

EnvironmentSpec describe(const std::string& name, ActionSpace actions, int observed,
                         int time_limit) {
  EnvironmentSpec spec;
  spec.name = name;
  spec.observation = VectorSpec{observed};
  spec.actions = std::move(actions);
  spec.time_limit = time_limit;
  return spec;
}

}  // namespace

ControlEnvironment::ControlEnvironment(const std::string& name, ActionSpace actions, int observed,
                                       std::vector<Interval> bounds, int time_limit)
    : Environment(describe(name, std::move(actions), observed, time_limit)),
      bounds_(std::move(bounds)),
      stream_(episode_stream(0)) {}

void ControlEnvironment::reset(std::uint64_t episode_seed) {
  RandomStream stream = episode_stream(episode_seed);
  start(initial_state(stream), episode_seed);
  stream_ = stream;
}

void ControlEnvironment::start(State state, std::uint64_t seed) {
  check_state("start", state);
  state_ = std::move(state);
  seed_ = seed;
  stream_ = episode_stream(seed);
  steps_ = 0;
  running_ = true;
}

StepResult ControlEnvironment::step(const Action& action) {
  if (!running_) fail("step", "no episode is running; call reset first");
  check_action(spec().actions, action);
  const Outcome outcome = advance(state_, action, stream_);
  ++steps_;
  StepResult result;
  result.reward = {outcome.reward};
  result.terminated = outcome.terminated;
  result.truncated = !outcome.terminated && steps_ >= spec().time_limit;
  running_ = !result.done();
  return result;
}

void ControlEnvironment::check_state(const char* op, const State& state) const {
  if (state.size() != bounds_.size())
    fail(op, fmt::format("{} numbers for a state of {}", state.size(), bounds_.size()));
  for (std::size_t i = 0; i < state.size(); ++i) {
    if (!(state[i] >= bounds_[i].low && state[i] <= bounds_[i].high))
      fail(op, fmt::format("number {} of the state is {}, outside [{}, {}]", i, state[i],
                           bounds_[i].low, bounds_[i].high));
  }
}

std::vector<std::uint8_t> ControlEnvironment::save_state() const {
  StateWriter out;
  put_place(out, kRecord, {running_, steps_, seed_});
  out.put(stream_.position());
  out.put(static_cast<std::uint64_t>(state_.size()));
  for (const double value : state_) out.put(value);
  return out.take();
}

void ControlEnvironment::load_state(const std::vector<std::uint8_t>& bytes) {
  StateReader in("load_state", bytes);
  const EpisodePlace place = get_place(in, kRecord, spec().time_limit);
  const auto position = in.get<std::uint64_t>();
  State state(in.get_count(sizeof(double)));
  for (double& value : state) value = in.get<double>();
  in.expect_end();
  check_state("load_state", state);

  start(std::move(state), place.seed);
  stream_.set_position(position);
  steps_ = place.steps;
  running_ = place.running;
}

}  // namespace frost
