#include "tools/runs/evaluation_subject.h"

#include <fmt/format.h>

#include "kernels/errors.h"
#include "tools/runs/run_folder.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

void check_stage(const Config& trained, const Config& asked) {
  const int stage = trained.environment.spawn.stage;
  if (asked.environment.spawn.stage == stage) return;
  throw UsageError(
      fmt::format("the checkpoint was trained in stage {}: it cannot act with "
                  "algorithm.two_stage_curriculum.stage={}",
                  stage, asked.environment.spawn.stage));
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
  check_stage(parse_config(config->second, path.string(), {}), subject.config);
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
