#include "rl/policy.h"

#include <cmath>
#include <span>

#include "kernels/scalar_math.h"
#include "kernels/status.h"

namespace frost {
namespace {

using Values = std::array<float, kRewardComponents>;

std::vector<Values> split_values(const Tensor& values) {
  const std::vector<float> flat = values.to_host();
  std::vector<Values> rows(flat.size() / kRewardComponents);
  for (std::size_t i = 0; i < flat.size(); ++i) {
    if (!std::isfinite(flat[i])) fail("policy", "the critic's output is not finite");
    rows[i / kRewardComponents][i % kRewardComponents] = flat[i];
  }
  return rows;
}

/// Decisions of one state from its logits [cells, 2].
PolicyStep decide(const GraphObservation& observation, std::span<const float> logits,
                  RandomStream& stream, bool deterministic) {
  PolicyStep step;
  for (std::size_t i = 0; i < logits.size() / 2; ++i) {
    const bool spawn = observation.action_mask[2 * i] != 0;
    const bool del = observation.action_mask[2 * i + 1] != 0;
    const float l0 = logits[2 * i], l1 = logits[2 * i + 1];
    if (!std::isfinite(l0) || !std::isfinite(l1)) {
      fail("policy", "the logits of cell " + std::to_string(i) + " are not finite");
    }
    if (!spawn && !del) fail("policy", "cell " + std::to_string(i) + " may do nothing");
    const CategoricalPair pair = categorical_pair(l0, l1, spawn, del);
    const float u = stream.uniform();
    const bool spawns = deterministic ? pair.logp[0] >= pair.logp[1] : u < std::exp(pair.logp[0]);
    const Decision decision = spawns ? kSpawnCell : kDeleteCell;
    step.action.decisions.push_back(decision);
    step.logp.push_back(pair.logp[decision]);
  }
  return step;
}

}  // namespace

std::vector<PolicyStep> act(ActorCritic& network,
                            const std::vector<const GraphObservation*>& observations,
                            const std::vector<RandomStream*>& streams, bool deterministic) {
  const NoGradGuard no_grad;
  const GraphBatch batch = make_graph_batch(network.backend(), observations,
                                            network.config().encoder.token_connectivity);
  const ActorCriticOutput out = network.forward(batch);
  const std::vector<float> logits = out.logits.to_host();
  const std::vector<Values> values = split_values(out.values);
  std::vector<PolicyStep> steps;
  std::size_t begin = 0;
  for (std::size_t g = 0; g < observations.size(); ++g) {
    const auto count = 2 * static_cast<std::size_t>(observations[g]->num_nodes());
    steps.push_back(decide(*observations[g], std::span(logits).subspan(begin, count), *streams[g],
                           deterministic));
    steps.back().values = values[g];
    begin += count;
  }
  return steps;
}

std::vector<Values> state_values(ActorCritic& network,
                                 const std::vector<const GraphObservation*>& observations) {
  if (observations.empty()) return {};
  const NoGradGuard no_grad;
  return split_values(network.values(make_graph_batch(
      network.backend(), observations, network.config().encoder.token_connectivity)));
}

}  // namespace frost
