#include "rl/vector_environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "engine/random.h"
#include "kernels/errors.h"
#include "kernels/parallel_for.h"

namespace frost {
namespace {

void check_spec(const EnvironmentSpec& spec) {
  if (spec.reward_names.empty() || spec.reward_names.size() != spec.reward_weights.size()) {
    fail("environment",
         fmt::format("{} has {} reward names and {} reward weights: as many are needed, one at "
                     "least",
                     spec.name, spec.reward_names.size(), spec.reward_weights.size()));
  }
  if (spec.actions.choices == 0 && spec.actions.dims() == 0) {
    fail("environment", spec.name + " leaves nothing to decide: its action space is empty");
  }
}

}  // namespace

void sort_by_environment(std::vector<EpisodeRecord>& episodes) {
  std::sort(episodes.begin(), episodes.end(), [](const EpisodeRecord& a, const EpisodeRecord& b) {
    return std::pair(a.environment, a.episode) < std::pair(b.environment, b.episode);
  });
}

std::string VectorEnvironment::key(std::size_t index, const char* what) const {
  return fmt::format("environment.{}.{}", static_cast<std::size_t>(first_) + index, what);
}

VectorEnvironment::VectorEnvironment(const EnvironmentFactory& make, int count, std::uint64_t seed,
                                     int first)
    : seed_(seed), first_(first) {
  for (int i = 0; i < count; ++i) {
    slots_.push_back({make(), {}});
    check_spec(slots_.back().environment->spec());
  }
  start_episodes(all_indices());
}

std::vector<int> VectorEnvironment::all_indices() const {
  std::vector<int> indices(slots_.size());
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

std::uint64_t VectorEnvironment::episode_seed(int index) const {
  const auto episode = static_cast<std::uint64_t>(slots_[static_cast<std::size_t>(index)].episode);
  const PhiloxBlock block =
      philox4x32({{static_cast<std::uint32_t>(episode), static_cast<std::uint32_t>(episode >> 32),
                   static_cast<std::uint32_t>(first_ + index),
                   static_cast<std::uint32_t>(StreamPurpose::kLayout)}},
                 seed_);
  return (static_cast<std::uint64_t>(block.word[0]) << 32) | block.word[1];
}

void VectorEnvironment::start_episodes(const std::vector<int>& indices) {
  for (const int i : indices) {
    slots_[static_cast<std::size_t>(i)].environment->begin_reset(episode_seed(i));
  }
  for (const int i : indices) {
    Slot& slot = slots_[static_cast<std::size_t>(i)];
    slot.environment->reset(episode_seed(i));
    slot.observation = slot.environment->observe();
    slot.episode_return = 0;
  }
}

std::vector<const Observation*> VectorEnvironment::observations() const {
  std::vector<const Observation*> all;
  for (const Slot& slot : slots_) all.push_back(&slot.observation);
  return all;
}

std::vector<VectorStep> VectorEnvironment::step(const std::vector<Action>& actions) {
  if (actions.size() != slots_.size()) {
    fail("vector_environment", std::to_string(actions.size()) + " actions for " +
                                   std::to_string(slots_.size()) + " environments");
  }
  std::vector<VectorStep> steps(slots_.size());
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].environment->begin_step(actions[i]);
  const bool tiny = std::holds_alternative<VectorObservation>(slots_.front().observation);
  parallel_for(size(), tiny ? 100 : 20'000, [&](std::int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    Slot& slot = slots_[i];
    steps[i].result = slot.environment->step(actions[i]);
    if (steps[i].result.reward.size() != spec().reward_names.size()) {
      fail("environment", fmt::format("a step of {} earned {} rewards, not {}", spec().name,
                                      steps[i].result.reward.size(), spec().reward_names.size()));
    }
    if (!steps[i].result.terminated) slot.observation = slot.environment->observe();
  });
  std::vector<int> ended;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    const StepResult& result = steps[i].result;
    slot.episode_return += result.reward[kTotal];
    if (!result.done()) continue;
    if (result.truncated) steps[i].final_observation = std::move(slot.observation);
    finished_.push_back({first_ + static_cast<int>(i), slot.episode,
                         slot.environment->episode_steps(), slot.episode_return,
                         slot.environment->progress(), result.ending_code(), result.success});
    ++slot.episode;
    ended.push_back(static_cast<int>(i));
  }
  start_episodes(ended);
  return steps;
}

std::vector<EpisodeRecord> VectorEnvironment::take_finished() {
  return std::exchange(finished_, {});
}

void VectorEnvironment::save(StateDict& state) const {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (spec().resumes_exactly) {
      state[key(i, "state")] = HostTensor::from_bytes(slot.environment->save_state());
    }
    state[key(i, "episode")] = HostTensor::from_int64(
        {2}, {slot.episode, std::bit_cast<std::int64_t>(slot.episode_return)});
  }
}

void VectorEnvironment::load(const StateDict& state) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (spec().resumes_exactly) {
      slot.environment->load_state(
          find_tensor(state, key(i, "state"), "checkpoint").to_bytes(key(i, "state")));
    }
    const auto episode =
        find_tensor(state, key(i, "episode"), "checkpoint").to_int64(key(i, "episode"));
    constexpr std::int64_t kMaxEpisode = std::int64_t{1} << 60;
    if (episode.size() != 2 || episode[0] < 0 || episode[0] > kMaxEpisode)
      fail_damaged(key(i, "episode"), "no episode has this number");
    slot.episode = episode[0];
    slot.episode_return = std::bit_cast<double>(episode[1]);
    if (spec().resumes_exactly) {
      slot.observation = slot.environment->observe();
    } else {
      ++slot.episode;  // the one that was cut is nowhere recorded
    }
  }
  if (!spec().resumes_exactly) start_episodes(all_indices());
}

}  // namespace frost
