#include "rl/envs/durotaxis/baselines.h"

#include <algorithm>
#include <numeric>

#include "rl/envs/durotaxis/features.h"

namespace frost {

Action random_policy(const GraphObservation& observation, RandomStream& stream) {
  Action action;
  action.decisions.reserve(static_cast<std::size_t>(observation.num_nodes()));
  for (std::size_t i = 0; i < observation.action_mask.size(); i += 2) {
    const bool heads = stream.uniform() < 0.5f;
    const bool may_spawn = observation.action_mask[i + kSpawnCell] != 0;
    const bool may_delete = observation.action_mask[i + kDeleteCell] != 0;
    action.decisions.push_back((heads && may_spawn) || !may_delete ? kSpawnCell : kDeleteCell);
  }
  return action;
}

Action all_spawn_policy(const GraphObservation& observation) {
  Action action;
  action.decisions.assign(static_cast<std::size_t>(observation.num_nodes()), kSpawnCell);
  return action;
}

Action delete_leftmost(const Colony& colony, std::size_t count) {
  const auto n = static_cast<std::size_t>(colony.size());
  std::vector<std::int32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return colony.cell(a).x < colony.cell(b).x;
  });
  Action action;
  action.decisions.assign(n, kSpawnCell);
  const std::size_t deletes = colony.size() > kNoDeleteSize ? std::min(count, n) : 0;
  for (std::size_t k = 0; k < deletes; ++k)
    action.decisions[static_cast<std::size_t>(order[k])] = kDeleteCell;
  return action;
}

Action half_delete_policy(const Colony& colony) {
  return delete_leftmost(colony, static_cast<std::size_t>(colony.size()) / 2);
}

}  // namespace frost
