#include "rl/envs/reference/reference_environment.h"

#include <fmt/format.h>

#include <utility>

#include "kernels/errors.h"
#include "rl/byte_stream.h"

namespace frost {
namespace {

constexpr std::uint32_t kMagic = 0x45464552;  // "REFE"
constexpr std::uint32_t kVersion = 1;

RandomStream episode_stream(std::uint64_t seed) {
  return RandomStream(seed, StreamPurpose::kLayout);
}

}  // namespace

ReferenceEnvironment::ReferenceEnvironment(std::vector<Interval> bounds, int time_limit)
    : bounds_(std::move(bounds)), time_limit_(time_limit), stream_(episode_stream(0)) {}

void ReferenceEnvironment::reset(std::uint64_t episode_seed) {
  RandomStream stream = episode_stream(episode_seed);
  start(initial_state(stream), episode_seed);
  stream_ = stream;
}

void ReferenceEnvironment::start(State state, std::uint64_t seed) {
  check_state("start", state);
  state_ = std::move(state);
  seed_ = seed;
  stream_ = episode_stream(seed);
  steps_ = 0;
  running_ = true;
}

StepResult ReferenceEnvironment::step(const Action& action) {
  if (!running_) fail("step", "no episode is running; call reset first");
  check_action(action);
  const Outcome outcome = advance(state_, action, stream_);
  ++steps_;
  StepResult result;
  result.reward[kTotal] = outcome.reward;
  result.terminated = outcome.terminated;
  result.truncated = !outcome.terminated && steps_ >= time_limit_;
  if (result.terminated) result.termination_case = TerminationCase::kOther;
  if (result.truncated) result.termination_case = TerminationCase::kTimeLimit;
  running_ = !result.done();
  return result;
}

void ReferenceEnvironment::check_state(const char* op, const State& state) const {
  if (state.size() != bounds_.size())
    fail(op, fmt::format("{} numbers for a state of {}", state.size(), bounds_.size()));
  for (std::size_t i = 0; i < state.size(); ++i) {
    if (!(state[i] >= bounds_[i].low && state[i] <= bounds_[i].high))
      fail(op, fmt::format("number {} of the state is {}, outside [{}, {}]", i, state[i],
                           bounds_[i].low, bounds_[i].high));
  }
}

void ReferenceEnvironment::check_action(const Action& action) const {
  const ActionSpace space = action_space();
  const auto rows = static_cast<std::size_t>(space.rows);
  const std::size_t decisions = space.choices > 0 ? rows : 0;
  const std::size_t parameters = rows * space.continuous.size();
  if (action.decisions.size() != decisions || action.parameters.size() != parameters)
    fail("step",
         fmt::format("an action of {} decisions and {} parameters, not {} and {}",
                     action.decisions.size(), action.parameters.size(), decisions, parameters));
  for (const std::int32_t decision : action.decisions) {
    if (decision < 0 || decision >= space.choices)
      fail("step", fmt::format("decision {} of {} choices", decision, space.choices));
  }
  for (std::size_t i = 0; i < parameters; ++i) {
    const ContinuousDimension& dimension = space.continuous[i % space.continuous.size()];
    const double value = action.parameters[i];
    if (!(value >= dimension.low && value <= dimension.high))
      fail("step", fmt::format("parameter {} is {}, outside [{}, {}]", i, value, dimension.low,
                               dimension.high));
  }
}

std::vector<std::uint8_t> ReferenceEnvironment::save_state() const {
  StateWriter out;
  out.put(kMagic);
  out.put(kVersion);
  out.put(static_cast<std::uint8_t>(running_));
  out.put(static_cast<std::int32_t>(steps_));
  out.put(seed_);
  out.put(stream_.position());
  out.put(static_cast<std::uint64_t>(state_.size()));
  for (const double value : state_) out.put(value);
  return out.take();
}

void ReferenceEnvironment::load_state(const std::vector<std::uint8_t>& bytes) {
  StateReader in("load_state", bytes);
  if (in.get<std::uint32_t>() != kMagic) fail("load_state", "not a reference environment's state");
  if (const auto version = in.get<std::uint32_t>(); version != kVersion)
    fail("load_state", fmt::format("format version {}; this program reads {}", version, kVersion));
  const bool running = in.get<std::uint8_t>() != 0;
  const auto steps = in.get<std::int32_t>();
  if (steps < 0 || steps > time_limit_ || (running && steps == time_limit_))
    fail("load_state", fmt::format("step {} of at most {} is impossible", steps, time_limit_));
  const auto seed = in.get<std::uint64_t>();
  const auto position = in.get<std::uint64_t>();
  State state(in.get_count(sizeof(double)));
  for (double& value : state) value = in.get<double>();
  in.expect_end();
  check_state("load_state", state);

  start(std::move(state), seed);
  stream_.set_position(position);
  steps_ = steps;
  running_ = running;
}

}  // namespace frost
