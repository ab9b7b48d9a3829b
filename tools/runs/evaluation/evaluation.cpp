#include "tools/runs/evaluation/evaluation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <optional>
#include <string>
#include <vector>
#include "kernels/errors.h"
#include "tools/cli/standard_output.h"
#include "tools/config/common_options.h"
#include "tools/runs/evaluation/evaluation_outputs.h"
#include "tools/runs/evaluation/evaluation_subject.h"

namespace frost {
namespace {

/// --seed is not among them: here it chooses the episodes.
std::vector<std::string> overrides_but_seed(CommonOptions common) {
  common.seed.reset();
  return config_overrides(common);
}

bool is_scripted(const EvaluateOptions& options) {
  return !options.policy.empty() && options.policy != "untrained";
}

void check_usage(const EvaluateOptions& options) {
  if (!options.policy.empty() && !options.checkpoint.empty()) {
    throw UsageError("--policy and --checkpoint exclude each other: a baseline has no checkpoint");
  }
  if (is_scripted(options) && (options.deterministic || options.sampled)) {
    throw UsageError("--sampled and --deterministic are for networks; '" + options.policy +
                     "' is a fixed rule");
  }
  if (!options.files.film.empty() && options.sampled && options.deterministic) {
    throw UsageError("--render shows one policy: choose --sampled or --deterministic");
  }
}

void print_subject(const EvaluateOptions& options, const EvaluationSubject& subject,
                   std::uint64_t seed) {
  if (!subject.note.empty()) print_note(subject.note);
  if (!options.common.quiet) {
    if (!subject.setup.device.empty()) print_out("device: {}\n", subject.setup.device);
    if (!options.policy.empty() && !subject.setup.weights.empty())
      print_out("weights: {}\n", subject.setup.weights);
  }
  print_out("{}, evaluation seed {}\n", subject.description, seed);
  flush_output();
}

void require_policy(const EnvironmentSpec& spec, const std::string& policy) {
  const std::vector<std::string>& known = spec.scripted_policies;
  if (std::find(known.begin(), known.end(), policy) != known.end()) return;
  throw UsageError(fmt::format("--policy: {} has no policy '{}': use {}{}untrained", spec.name,
                               policy, fmt::join(known, ", "), known.empty() ? "" : " or "));
}

}  // namespace

int evaluate(const EvaluateOptions& options) {
  check_usage(options);
  const std::vector<std::string> overrides = overrides_but_seed(options.common);
  const EvaluationSubject subject = options.policy.empty()
                                        ? load_run(options.target, options.checkpoint, overrides)
                                        : load_baseline(options.target, options.policy, overrides);
  const Config& config = subject.config;
  const EnvironmentFactory scripted = scripted_environment_factory(config);
  const EnvironmentSpec spec = scripted()->spec();
  options.files.require_of(spec);
  if (is_scripted(options)) require_policy(spec, options.policy);
  RecordedEvaluation recorded(options.files, spec);
  const std::uint64_t seed = options.common.seed.value_or(config.run.eval_seed);
  print_subject(options, subject, seed);

  std::optional<EvaluationResult> reference;
  if (!spec.reference_policy.empty()) {
    reference =
        evaluate_policy(scripted, scripted_policy(spec.reference_policy), options.episodes, seed);
  }
  const auto show = [&](const std::string& name, const EnvironmentFactory& environment,
                        const BatchPolicy& policy) {
    const EvaluationResult result = recorded.run(name, environment, policy, options.episodes, seed);
    print_out("\n{}", evaluation_text(name, result, spec, reference ? &*reference : nullptr));
  };
  if (is_scripted(options)) {
    show(options.policy, scripted, scripted_policy(options.policy));
  } else {
    PolicyNetwork& network = *subject.setup.network;
    if (options.sampled || !options.deterministic) {
      show("sampled", environment_factory(config), network_policy(network, false));
    }
    if (options.deterministic)
      show("argmax", environment_factory(config), network_policy(network, true));
  }
  recorded.write();
  return 0;
}

}  // namespace frost
