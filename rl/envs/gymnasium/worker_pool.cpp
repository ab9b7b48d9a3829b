#include "rl/envs/gymnasium/worker_pool.h"

#include <algorithm>
#include <utility>

#include "kernels/available_cpus.h"

namespace frost {

WorkerPool::WorkerPool(const std::string& environment, const GymnasiumConfig& config)
    : environment_(environment), config_(config) {
  const int workers = config.workers > 0 ? config.workers : static_cast<int>(available_cpus());
  auto first = std::make_unique<Worker>(environment, config, 0);
  description_ = first->describe();
  spaces_ = parse_spaces(description_);
  spec_ = python_environment_spec(environment, spaces_, config.picture_size);
  first->serve(spaces_, description_);
  places_.resize(static_cast<std::size_t>(workers));
  places_.front().worker = std::move(first);
}

std::shared_ptr<WorkerPool> WorkerPool::shared(const std::string& environment,
                                               const GymnasiumConfig& config) {
  static std::mutex mutex;
  static std::shared_ptr<WorkerPool> last;
  const std::scoped_lock lock(mutex);
  if (last == nullptr || !last->is_of(environment, config) || last->failed()) {
    last.reset();  // its processes end before others start
    last = std::make_shared<WorkerPool>(environment, config);
  }
  return last;
}

std::unique_ptr<WorkerSlot> WorkerPool::take() {
  const std::scoped_lock lock(mutex_);
  const auto place =
      std::min_element(places_.begin(), places_.end(),
                       [](const Place& a, const Place& b) { return a.in_use < b.in_use; });
  if (place->worker == nullptr) {
    place->worker =
        std::make_unique<Worker>(environment_, config_, static_cast<int>(place - places_.begin()));
    place->worker->serve(spaces_, description_);
  }
  std::unique_ptr<WorkerSlot> slot;
  if (place->idle.empty()) {
    slot = place->worker->make_slot();
  } else {
    slot = std::move(place->idle.back());
    place->idle.pop_back();
  }
  ++place->in_use;
  return slot;
}

void WorkerPool::give_back(std::unique_ptr<WorkerSlot> slot) {
  const std::scoped_lock lock(mutex_);
  const auto place = std::find_if(places_.begin(), places_.end(), [&](const Place& p) {
    return p.worker.get() == &slot->worker();
  });
  --place->in_use;
  // What a step leaves behind that nobody waited for belongs to nobody.
  if (slot->busy()) return;
  slot->header().command = static_cast<std::int32_t>(SlotCommand::kIdle);
  place->idle.push_back(std::move(slot));
}

void WorkerPool::flush() {
  if (!spaces_.vector) return;
  const std::scoped_lock lock(mutex_);
  for (const Place& place : places_) {
    if (place.worker != nullptr) place.worker->flush();
  }
}

bool WorkerPool::failed() const {
  const std::scoped_lock lock(mutex_);
  return std::any_of(places_.begin(), places_.end(),
                     [](const Place& p) { return p.worker != nullptr && p.worker->failed(); });
}

}  // namespace frost
