#include "tools/runs/evaluation_subject.h"

#include <fmt/format.h>

#include "kernels/errors.h"
#include "tools/runs/run_folder.h"

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
  const fs::path path = find_checkpoint(run, which);
  const SafetensorsFile file = read_safetensors(path);
  const auto config = file.metadata.find("config"), updates = file.metadata.find("updates");
  if (config == file.metadata.end() || updates == file.metadata.end()) {
    throw Error(path.string() + " holds no configuration: it is no checkpoint of a run");
  }
  EvaluationSubject subject;
  subject.config = parse_config(config->second, path.string(), overrides);
  check_actions(parse_config(config->second, path.string(), {}), subject.config);
  subject.setup = build_network(subject.config, false);
  load_network(*subject.setup.network, file.tensors);
  subject.description = fmt::format("{} after update {}", path.string(), updates->second);
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
