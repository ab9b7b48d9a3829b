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

/// Chooses raw spawn parameters of the spawning cells from rows [cells, 8] and what they execute.
void choose_spawn(std::span<const float> rows, const SpawnPolicyConfig& config,
                  RandomStream& stream, bool deterministic, PolicyStep& step) {
  constexpr std::size_t kDims = ActorCritic::kSpawnParameters;
  step.action.parameters.resize(step.action.decisions.size());
  for (std::size_t i = 0; i < step.action.decisions.size(); ++i) {
    if (step.action.decisions[i] != kSpawnCell) continue;
    float logp = 0;
    for (std::size_t d = 0; d < kDims; ++d) {
      const float mean = rows[2 * kDims * i + d], log_deviation = rows[2 * kDims * i + kDims + d];
      if (!std::isfinite(mean) || !std::isfinite(log_deviation)) {
        fail("policy", "the spawn parameters of cell " + std::to_string(i) + " are not finite");
      }
      const float u =
          deterministic ? mean : mean + gaussian_deviation(log_deviation) * stream.normal();
      logp += gaussian_term(mean, log_deviation, u).logp;
      step.raw_spawn.push_back(u);
      step.action.parameters[i][d] = static_cast<float>(bounded_parameter(config, d, u));
    }
    step.spawn_logp.push_back(logp);
  }
}

}  // namespace

std::vector<PolicyStep> act(ActorCritic& network,
                            const std::vector<const GraphObservation*>& observations,
                            const std::vector<RandomStream*>& streams,
                            const SpawnPolicyConfig& spawn, bool deterministic) {
  const NoGradGuard no_grad;
  const GraphBatch batch = make_graph_batch(network.backend(), observations,
                                            network.config().encoder.token_connectivity);
  const ActorCriticOutput out = network.forward(batch, spawn.continuous());
  const std::vector<float> logits = out.logits.to_host();
  const std::vector<float> spawn_rows =
      spawn.continuous() ? out.spawn.to_host() : std::vector<float>();
  const std::vector<Values> values = split_values(out.values);
  std::vector<PolicyStep> steps;
  std::size_t begin = 0;
  for (std::size_t g = 0; g < observations.size(); ++g) {
    const auto count = 2 * static_cast<std::size_t>(observations[g]->num_nodes());
    steps.push_back(decide(*observations[g], std::span(logits).subspan(begin, count), *streams[g],
                           deterministic));
    steps.back().values = values[g];
    if (spawn.continuous()) {
      choose_spawn(std::span(spawn_rows).subspan(4 * begin, 4 * count), spawn, *streams[g],
                   deterministic, steps.back());
    }
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
