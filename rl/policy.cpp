#include "rl/policy.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "kernels/errors.h"
#include "kernels/policy_math.h"

namespace frost {
namespace {

using Values = std::vector<float>;

/// The rows of [states, components] on the host.
std::vector<Values> split_values(const Tensor& values) {
  const std::vector<float> host = values.to_host();
  const auto states = static_cast<std::size_t>(values.dim(0));
  const auto components = static_cast<std::size_t>(values.dim(1));
  std::vector<Values> rows(states);
  for (std::size_t s = 0; s < states; ++s) {
    const auto begin = host.begin() + static_cast<std::ptrdiff_t>(s * components);
    rows[s].assign(begin, begin + static_cast<std::ptrdiff_t>(components));
  }
  return rows;
}

const std::uint8_t* mask_of(const Observation& observation) {
  const auto* graph = std::get_if<GraphObservation>(&observation);
  return graph == nullptr ? nullptr : graph->action_mask.data();
}

int rows_of(const Observation& observation, const ActionSpace& space) {
  return space.rows == ActionSpace::kPerNode ? std::get<GraphObservation>(observation).num_nodes()
                                             : space.rows;
}

/// `what` is said of "row" or "state" number `i`.
void require_finite(std::span<const float> outputs, const char* what, std::size_t i) {
  for (const float v : outputs) {
    if (std::isfinite(v)) continue;
    throw NotFiniteError("[policy] the " + std::string(what) + " " + std::to_string(i) +
                         " are not finite");
  }
}

/// The choice that `u`, uniform in [0, 1), falls on.
std::int32_t sample(const Categorical& row, float u) {
  std::int32_t last = 0;
  float sum = 0;
  for (std::int32_t a = 0; a < row.choices; ++a) {
    if (!row.allowed(a)) continue;
    last = a;
    sum += std::exp(row.logp(a));
    if (u < sum) return a;
  }
  return last;  // the probabilities summed to just below one
}

std::int32_t likeliest(const Categorical& row) {
  std::int32_t best = -1;
  for (std::int32_t a = 0; a < row.choices; ++a) {
    if (row.allowed(a) && (best < 0 || row.logits[a] > row.logits[best])) best = a;
  }
  return best;
}

/// Chooses for every row from its logits [rows, choices].
void decide(std::span<const float> logits, const std::uint8_t* mask, const ActionSpace& space,
            RandomStream& stream, bool deterministic, PolicyStep& step) {
  const auto choices = static_cast<std::size_t>(space.choices);
  for (std::size_t i = 0; i < logits.size() / choices; ++i) {
    require_finite(logits.subspan(i * choices, choices), "logits of row", i);
    const Categorical row(logits.data() + i * choices,
                          mask == nullptr ? nullptr : mask + i * choices, space.choices);
    if (likeliest(row) < 0) fail("policy", "row " + std::to_string(i) + " may do nothing");
    const float u = stream.uniform();
    const std::int32_t choice = deterministic ? likeliest(row) : sample(row, u);
    step.action.decisions.push_back(choice);
    step.logp.push_back(row.logp(choice));
  }
}

/// Chooses raw samples for the active rows from [rows, 2 * dims], and what they execute.
void choose_continuous(std::span<const float> outputs, const ActionSpace& space,
                       RandomStream& stream, bool deterministic, PolicyStep& step) {
  const auto dims = static_cast<std::size_t>(space.dims());
  const std::size_t rows = outputs.size() / (2 * dims);
  step.action.parameters.resize(rows * dims);
  for (std::size_t i = 0; i < rows; ++i) {
    const bool active = space.enabling_choice == ActionSpace::kAlways ||
                        step.action.decisions[i] == space.enabling_choice;
    if (!active) continue;
    const std::span<const float> row = outputs.subspan(2 * dims * i, 2 * dims);
    require_finite(row, "continuous outputs of row", i);
    float logp = 0;
    for (std::size_t d = 0; d < dims; ++d) {
      const float mean = row[d], log_deviation = row[dims + d];
      const float u =
          deterministic ? mean : mean + gaussian_deviation(log_deviation) * stream.normal();
      logp += gaussian_term(mean, log_deviation, u).logp;
      step.raw.push_back(u);
      step.action.parameters[i * dims + d] =
          static_cast<float>(executed_value(space.continuous[d], u));
    }
    step.raw_logp.push_back(logp);
  }
}

std::vector<float> to_host_if_defined(const Tensor& t) {
  return t.defined() ? t.to_host() : std::vector<float>();
}

}  // namespace

PolicySteps act(PolicyNetwork& network, const std::vector<const Observation*>& observations,
                const std::vector<RandomStream*>& streams, const ActionSpace& space,
                bool deterministic) {
  const NoGradGuard no_grad;
  PolicySteps result;
  StateBatch batch = network.make_batch(observations, preferred_padding(network.backend()));
  result.features = batch.features = network.encode(batch);
  const PolicyOutput out = network.forward(batch);
  const std::vector<float> logits = to_host_if_defined(out.logits);
  const std::vector<float> gaussian = to_host_if_defined(out.gaussian);
  const std::vector<Values> values = split_values(out.values);
  const auto choices = static_cast<std::size_t>(space.choices);
  const auto width = static_cast<std::size_t>(2 * space.dims());
  std::size_t begin = 0;
  for (std::size_t s = 0; s < observations.size(); ++s) {
    const auto rows = static_cast<std::size_t>(rows_of(*observations[s], space));
    PolicyStep step;
    step.values = values[s];
    if (choices > 0) {
      decide(std::span(logits).subspan(begin * choices, rows * choices), mask_of(*observations[s]),
             space, *streams[s], deterministic, step);
    }
    if (width > 0) {
      choose_continuous(std::span(gaussian).subspan(begin * width, rows * width), space,
                        *streams[s], deterministic, step);
    }
    require_finite(step.logp, "log-probabilities of state", s);
    require_finite(step.raw_logp, "log-densities of state", s);
    require_finite(step.values, "values of state", s);
    result.steps.push_back(std::move(step));
    begin += rows;
  }
  return result;
}

std::vector<Values> state_values(PolicyNetwork& network,
                                 const std::vector<const Observation*>& observations) {
  if (observations.empty()) return {};
  const NoGradGuard no_grad;
  std::vector<Values> values = split_values(
      network.values(network.make_batch(observations, preferred_padding(network.backend()))));
  for (std::size_t s = 0; s < values.size(); ++s) require_finite(values[s], "values of state", s);
  return values;
}

}  // namespace frost
