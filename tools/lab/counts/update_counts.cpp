#include "tools/lab/counts/update_counts.h"

#include "kernels/counts/device_count_fields.h"
#include "kernels/errors.h"

namespace frost {
namespace {

DeviceCounts difference(DeviceCounts after, const DeviceCounts& before) {
  after -= before;
  return after;
}

template <class Work>
DeviceCounts count(const DeviceCounts& counts, const Work& work) {
  const DeviceCounts before = counts;
  work();
  return difference(counts, before);
}

}  // namespace

const std::vector<UpdateCounts::Part>& UpdateCounts::parts() {
  static const std::vector<Part> parts = {{"update", &UpdateCounts::update},
                                          {"step", &UpdateCounts::step},
                                          {"encode", &UpdateCounts::encode},
                                          {"minibatch", &UpdateCounts::minibatch},
                                          {"adam", &UpdateCounts::adam}};
  return parts;
}

UpdateCounts count_update(Ppo& training, PolicyNetwork& network, Adam& optimizer,
                          const VectorEnvironment& environments, const PpoConfig& config) {
  const DeviceCounts* const counts = network.backend().counts();
  if (counts == nullptr) {
    throw UsageError("--count needs a device that counts its work, not " +
                     network.backend().description());
  }
  // Asked after each step of collecting, and after each minibatch but the last.
  std::vector<DeviceCounts> marks = {*counts};
  training.update([&] {
    marks.push_back(*counts);
    return false;
  });
  marks.push_back(*counts);
  UpdateCounts found;
  found.update = difference(marks.back(), marks.front());
  const auto steps = static_cast<std::size_t>(config.rollout_steps / config.num_envs);
  found.step = difference(marks.at(steps), marks.at(steps - 1));
  found.minibatch = difference(marks.at(steps + 1), marks.at(steps));
  for (std::size_t i = steps + 2; i < marks.size(); ++i) {
    const DeviceCounts other = difference(marks[i], marks[i - 1]);
    if (other.launches() < found.minibatch.launches()) found.minibatch = other;
  }
  const StateBatch seen = network.make_batch(environments.observations());
  found.encode = count(*counts, [&] { network.encode(seen); });
  found.adam = count(*counts, [&] {
    optimizer.prepare_step(std::vector<double>(optimizer.groups().size(), 1.0));
    optimizer.finish_step(optimizer.enqueue_step(config.max_grad_norm));
  });
  return found;
}

}  // namespace frost
