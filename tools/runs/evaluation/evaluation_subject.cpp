#include "tools/runs/evaluation/evaluation_subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "kernels/errors.h"
#include "tools/config/config_differences.h"
#include "tools/runs/checkpoint.h"
#include "tools/runs/library_digest.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

/// Heads that never trained must not act.
void check_actions(const Config& trained, const Config& asked) {
  const ActionSpace was = environment_spec(trained).actions, is = environment_spec(asked).actions;
  if (was.choices == is.choices && was.dims() == is.dims()) return;
  throw UsageError(fmt::format(
      "the checkpoint was trained to make {} choices and {} continuous values per row: it cannot "
      "act where these options ask for {} and {}",
      was.choices, was.dims(), is.choices, is.dims()));
}

/// Options of the network that change what it computes and not its tensors.
constexpr const char* kWithoutTensors[] = {
    "encoder.num_heads",
    "observation.normalize",
    "observation.token_connectivity",
    "observation.frame_difference",
    "actor_critic.simplicial_embedding.enabled",
    "actor_critic.simplicial_embedding.num_groups",
    "actor_critic.simplicial_embedding.temperature",
};

/// The tensors of a checkpoint fit networks of this form alone.
void check_form(const Config& trained, const Config& asked) {
  for (const ConfigDifference& d : differences(trained, asked)) {
    if (std::find(std::begin(kWithoutTensors), std::end(kWithoutTensors), d.key) ==
        std::end(kWithoutTensors)) {
      continue;
    }
    throw UsageError(fmt::format(
        "'{}' is {}, but the checkpoint's network was trained with {}: leave the option out", d.key,
        d.second, d.first));
  }
}

}  // namespace

EvaluationSubject load_run(const fs::path& run, const std::string& which,
                           const std::vector<std::string>& overrides) {
  EvaluationSubject subject;
  const Checkpoint checkpoint = CheckpointFolder(run).read(which, subject.note);
  const std::string path = checkpoint.path.string();
  subject.config = parse_run_config(checkpoint.config, path, overrides);
  const Config trained = parse_run_config(checkpoint.config, path, {});
  check_actions(trained, subject.config);
  check_form(trained, subject.config);
  subject.setup = build_network(subject.config, false);
  load_network(subject.setup, checkpoint.file);
  if (subject.note.empty()) subject.note = library_note(checkpoint.file.metadata, subject.config);
  subject.description = fmt::format("{} after update {}", path, checkpoint.updates);
  return subject;
}

EvaluationSubject load_baseline(const fs::path& config, const std::string& policy,
                                const std::vector<std::string>& overrides) {
  EvaluationSubject subject;
  subject.config = load_config(config, overrides);
  subject.description = "baseline " + policy;
  if (policy != "untrained") return subject;
  subject.setup = build_network(subject.config, true);
  subject.description += fmt::format(" (initial weights of seed {})", subject.config.system.seed);
  return subject;
}

}  // namespace frost
