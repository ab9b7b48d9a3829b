#include "tools/runs/evaluation/evaluation_subject.h"

#include <fmt/format.h>

#include "kernels/errors.h"
#include "tools/runs/checkpoint.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

/// Heads that never trained must not act.
void check_actions(const Config& trained, const Config& asked) {
  const ActionSpace was = environment_factory(trained)()->spec().actions;
  const ActionSpace is = environment_factory(asked)()->spec().actions;
  if (was.choices == is.choices && was.dims() == is.dims()) return;
  throw UsageError(fmt::format(
      "the checkpoint was trained to make {} choices and {} continuous values per row: it cannot "
      "act where these options ask for {} and {}",
      was.choices, was.dims(), is.choices, is.dims()));
}

}  // namespace

EvaluationSubject load_run(const fs::path& run, const std::string& which,
                           const std::vector<std::string>& overrides) {
  EvaluationSubject subject;
  const Checkpoint checkpoint = CheckpointFolder(run).read(which, subject.note);
  const std::string path = checkpoint.path.string();
  subject.config = parse_config(checkpoint.config, path, overrides);
  check_actions(parse_config(checkpoint.config, path, {}), subject.config);
  subject.setup = build_network(subject.config, false);
  load_network(*subject.setup.network, checkpoint.file.tensors);
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
