#include "rl/envs/gymnasium/gymnasium_environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/errors.h"
#include "rl/envs/episode_record.h"
#include "rl/envs/gymnasium/picture_reduction.h"

namespace frost {
namespace {

constexpr RecordKind kRecord{0x4d594750, 1, "a Python environment's state"};  // "PGYM"

/// Gymnasium's seeds are those of numpy: small seeds stay what they are.
std::uint64_t folded(std::uint64_t seed) {
  return (seed ^ (seed >> 31) ^ (seed >> 62)) & 0x7FFFFFFF;
}

}  // namespace

GymnasiumEnvironment::GymnasiumEnvironment(std::shared_ptr<WorkerPool> pool)
    : Environment(pool->spec()), pool_(std::move(pool)), slot_(pool_->take()) {}

GymnasiumEnvironment::~GymnasiumEnvironment() {
  pool_->give_back(std::move(slot_));
}

void GymnasiumEnvironment::finish() {
  pool_->flush();
  slot_->finish();
}

void GymnasiumEnvironment::begin_reset(std::uint64_t episode_seed) {
  slot_->finish();
  seed_ = folded(episode_seed);
  slot_->header().seed = seed_;
  slot_->header().follows = steps_ > 0 && !running_;
  running_ = false;
  slot_->begin(SlotCommand::kReset);
  begun_ = SlotCommand::kReset;
}

void GymnasiumEnvironment::reset(std::uint64_t episode_seed) {
  if (begun_ != SlotCommand::kReset) begin_reset(episode_seed);
  begun_.reset();
  finish();
  steps_ = 0;
  require_finite();
  running_ = true;
}

void GymnasiumEnvironment::begin_step(const Action& action) {
  if (!running_) fail("step", "no episode is running; call reset first");
  check_action(spec().actions, action);
  slot_->finish();
  std::copy(action.decisions.begin(), action.decisions.end(), slot_->decisions().begin());
  std::copy(action.parameters.begin(), action.parameters.end(), slot_->parameters().begin());
  slot_->begin(SlotCommand::kStep);
  begun_ = SlotCommand::kStep;
}

StepResult GymnasiumEnvironment::step(const Action& action) {
  if (begun_ != SlotCommand::kStep) begin_step(action);
  begun_.reset();
  finish();
  ++steps_;
  const SlotHeader& header = slot_->header();
  if (!std::isfinite(header.reward)) {
    slot_->fail_with(
        fmt::format("the reward of step {} of seed {} is {}", steps_, seed_, header.reward));
  }
  require_finite();
  StepResult result;
  result.reward = {header.reward};
  result.terminated = header.terminated != 0;
  const bool cut = header.truncated != 0 || (spec().time_limit > 0 && steps_ >= spec().time_limit);
  result.truncated = cut && !result.terminated;
  running_ = !result.done();
  return result;
}

void GymnasiumEnvironment::require_finite() const {
  const auto values = slot_->values();
  const auto found =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (found == values.end()) return;
  slot_->fail_with(fmt::format("number {} of {} of its observation after step {} of seed {} is {}",
                               found - values.begin(), values.size(), steps_, seed_, *found));
}

Observation GymnasiumEnvironment::observe() const {
  const auto values = slot_->values();
  std::vector<float> numbers(values.begin(), values.end());
  const auto* picture = std::get_if<PictureSpec>(&spec().observation);
  if (picture == nullptr) return VectorObservation{std::move(numbers)};
  const PythonSpaces& shown = pool_->spaces();
  return PictureObservation{reduce_picture(slot_->pixels(), {shown.height, shown.width},
                                           shown.channels, {picture->height, picture->width}),
                            std::move(numbers)};
}

double GymnasiumEnvironment::progress() const {
  return spec().time_limit > 0 ? static_cast<double>(steps_) / spec().time_limit : 0;
}

void GymnasiumEnvironment::limit_time(int steps) {
  if (const int own = pool_->spec().time_limit; own > 0 && steps > own) {
    throw UsageError(fmt::format(
        "environment.max_steps is {}, but {} ends its episodes after {} steps: give it another "
        "limit, as gymnasium.make takes it in environment.kwargs: {{max_episode_steps: {}}}",
        steps, spec().name, own, steps));
  }
  if (!pool_->spaces().renews && steps != pool_->spec().time_limit) {
    throw UsageError(fmt::format(
        "environment.max_steps is {}, but {} is a vector environment that begins no episode before "
        "it has ended one: make it with autoreset_mode=DISABLED, or give it that limit of its own",
        steps, spec().name));
  }
  set_time_limit(steps);
}

std::vector<std::uint8_t> GymnasiumEnvironment::save_state() const {
  if (!spec().resumes_exactly) return Environment::save_state();
  StateWriter out;
  put_place(out, kRecord, {running_, steps_, seed_});
  out.put_all<std::uint8_t>(slot_->save());
  out.put_all<float>(slot_->values());
  out.put_all<std::uint8_t>(slot_->pixels());
  return out.take();
}

void GymnasiumEnvironment::load_state(const std::vector<std::uint8_t>& bytes) {
  if (!spec().resumes_exactly) return Environment::load_state(bytes);
  StateReader in("load_state", bytes);
  // Of any length: an environment may count its steps otherwise than the limit does.
  const auto [running, steps, seed] = get_place(in, kRecord, 0);
  const auto state = in.get_all<std::uint8_t>();
  const auto values = in.get_all<float>();
  const auto pixels = in.get_all<std::uint8_t>();
  in.expect_end();
  if (seed != folded(seed)) fail("load_state", "no episode has this seed");
  if (values.size() != slot_->values().size() || pixels.size() != slot_->pixels().size()) {
    fail("load_state",
         fmt::format("an observation of {} numbers and {} bytes of a picture, not {} "
                     "and {}: the environment is another one",
                     values.size(), pixels.size(), slot_->values().size(), slot_->pixels().size()));
  }

  slot_->finish();
  begun_.reset();
  slot_->header().seed = seed;
  slot_->header().steps = static_cast<std::uint64_t>(steps);
  slot_->load(state);
  std::copy(values.begin(), values.end(), slot_->values().begin());
  std::copy(pixels.begin(), pixels.end(), slot_->pixels().begin());
  seed_ = seed;
  steps_ = steps;
  running_ = running;
}

}  // namespace frost
