#include "tools/runs/training.h"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include "engine/dry_run.h"
#include "engine/launch.h"
#include "kernels/errors.h"
#include "kernels/parallel_for.h"
#include "rl/communicator/join.h"
#include "rl/communicator/state_exchange.h"
#include "tools/cli/log.h"
#include "tools/cli/stop_signals.h"
#include "tools/config/config_text.h"
#include "tools/reports/parameter_report.h"
#include "tools/runs/library_digest.h"
#include "tools/runs/processes.h"
#include "tools/runs/replay.h"
#include "tools/runs/resume_rules.h"
#include "tools/runs/run.h"
#include "tools/runs/session.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

/// A run that is about to train.
struct Beginning {
  std::optional<Run> run;  ///< of several processes on rank 0 alone
  Trainer trainer;
  std::string note;  ///< where it goes on, and from which state if not from the newest
};

Beginning begin(const TrainOptions& options, Communicator& communicator) {
  const Config config = load_config(options.config, options.common);
  communicator.set_patience(config.run.rank_timeout);
  Trainer trainer(config, false, communicator);  // before the folder: most mistakes show here
  require_alike(communicator, trainer);
  if (communicator.rank() > 0) return {std::nullopt, std::move(trainer), ""};
  const std::string text = to_yaml(config);
  Run run = options.out.empty() ? Run::create_numbered(config.run.save_dir, text)
                                : Run::create(options.out, text);
  return {std::move(run), std::move(trainer), ""};
}

/// The configuration that the command line asks for, its options over the file it names or else
/// over the run's own.
Config asked_config(const TrainOptions& options, const std::string& own,
                    const std::string& origin) {
  if (!options.config.empty()) return load_config(options.config, options.common);
  return parse_run_config(own, origin, config_overrides(options.common));
}

/// What rank 0 has read of a run, for the others.
struct ResumedRun {
  std::string config;                    ///< with which it goes on, YAML
  std::optional<SafetensorsFile> state;  ///< of its checkpoint
};

constexpr const char *kSharedConfig = "shared.config", *kSharedMetadata = "shared.metadata.";

/// Gives all processes what rank 0 has read.
void share(Communicator& communicator, ResumedRun& resumed) {
  if (communicator.size() == 1) return;
  const auto bytes = [](const std::string& text) {
    return HostTensor::from_bytes(std::vector<std::uint8_t>(text.begin(), text.end()));
  };
  const auto text = [](const std::string& name, const HostTensor& tensor) {
    const std::vector<std::uint8_t> all = tensor.to_bytes(name);
    return std::string(all.begin(), all.end());
  };
  StateDict shared;
  if (resumed.state) {
    shared = resumed.state->tensors;
    for (const auto& [key, value] : resumed.state->metadata) {
      shared[kSharedMetadata + key] = bytes(value);
    }
  }
  shared[kSharedConfig] = bytes(resumed.config);
  broadcast_state(communicator, shared);
  if (communicator.rank() == 0) return;
  SafetensorsFile state;
  for (const auto& [name, tensor] : shared) {
    if (name == kSharedConfig) {
      resumed.config = text(name, tensor);
    } else if (name.starts_with(kSharedMetadata)) {
      state.metadata[name.substr(std::strlen(kSharedMetadata))] = text(name, tensor);
    } else {
      state.tensors[name] = tensor;
    }
  }
  if (!state.tensors.empty()) resumed.state = std::move(state);
}

/// Rank 0 reads the run.
ResumedRun read_run(const TrainOptions& options, const Run& run,
                    std::optional<Checkpoint>& checkpoint, std::string& note) {
  if (run.checkpoints().has_last()) {
    checkpoint = run.checkpoints().read_last(note);
    checkpoint->require_resumable();
  }
  const std::string text = checkpoint ? checkpoint->config : run.config();
  const std::string origin = (checkpoint ? checkpoint->path : run.path() / "config.yaml").string();
  const Config config = resumed_config(parse_run_config(text, origin, {}),
                                       asked_config(options, text, origin), options.resume);
  ResumedRun resumed{to_yaml(config), std::nullopt};
  if (checkpoint) resumed.state = checkpoint->file;
  return resumed;
}

/// Where the run goes on.
std::string resumed_note(Trainer& trainer, const std::optional<Checkpoint>& checkpoint) {
  std::string note;
  if (checkpoint) note = library_note(checkpoint->file.metadata, trainer.config());
  const EnvironmentSpec& spec = trainer.environments().spec();
  note += fmt::format("{}resumed after update {}{}", note.empty() ? "" : "\n",
                      trainer.ppo().updates(), checkpoint ? "" : ": no checkpoint was written yet");
  if (checkpoint && !spec.resumes_exactly) {
    note += fmt::format(", in new episodes: {} does not save its state", spec.name);
  }
  return note;
}

Beginning resume(const TrainOptions& options, Communicator& communicator) {
  std::optional<Run> run;
  std::string note;
  std::optional<Checkpoint> checkpoint;
  ResumedRun resumed;
  if (communicator.rank() == 0) {
    run = Run::open(options.resume);
    resumed = read_run(options, *run, checkpoint, note);
  }
  share(communicator, resumed);
  const Config config = parse_run_config(resumed.config, options.resume, {});
  communicator.set_patience(config.run.rank_timeout);
  Trainer trainer(config, resumed.state.has_value(), communicator);
  require_alike(communicator, trainer);
  if (resumed.state) trainer.restore(*resumed.state);
  if (!run) return {std::nullopt, std::move(trainer), ""};
  if (checkpoint && checkpoint->path != run->checkpoints().last()) {
    run->checkpoints().put_damaged_last_aside();
  }
  run->write_config(resumed.config);
  note += (note.empty() ? "" : "\n") + resumed_note(trainer, checkpoint);
  return {std::move(run), std::move(trainer), note};
}

void check_usage(const TrainOptions& options) {
  if (!options.resume.empty() && !options.out.empty()) {
    throw UsageError("--out and --resume exclude each other: a resumed run stays in its folder");
  }
  const bool trains = !options.config.empty() || !options.out.empty() || !options.resume.empty() ||
                      options.stop_after > 0 || options.profile;
  if (!options.replay.empty()) {
    if (!trains) return;
    throw UsageError(
        "--replay repeats one step and trains nothing: of the other options it takes --device and "
        "--threads");
  }
  if (options.config.empty() && options.resume.empty()) {
    throw UsageError("CONFIG is required, or --resume RUN to go on with a run (see --help)");
  }
}

std::string parameter_report(Trainer& trainer) {
  return parameter_report(trainer.network(), trainer.optimizer());
}

void log_beginning(Trainer& trainer, const std::string& note) {
  log_line("device: " + trainer.setup().device);
  if (const int processes = trainer.communicator().size(); processes > 1) {
    log_line(fmt::format("processes: {}, {} environments and {} shards in each", processes,
                         trainer.environments().size(), trainer.config().ppo.shards / processes));
  }
  if (const EnvironmentSpec& spec = trainer.environments().spec(); !spec.runs_on.empty()) {
    log_line(fmt::format("environment: {}, {}", spec.name, spec.runs_on));
  }
  if (!trainer.setup().weights.empty()) log_line("weights: " + trainer.setup().weights);
  if (!trainer.setup().mapping.empty()) log_line("weights: " + trainer.setup().mapping);
  log_line(parameter_report(trainer));
  if (!note.empty()) log_line(note);
}

int train_in_process(const TrainOptions& options, Communicator& communicator) {
  const StopSignals signals;
  const bool resumes = !options.resume.empty();
  auto [run, trainer, note] =
      resumes ? resume(options, communicator) : begin(options, communicator);
  const bool quiet = options.common.quiet || !run;
  if (run) {
    open_log(run->path() / "run.log", quiet);
  } else {
    silence_log();
  }
  log_beginning(trainer, note);

  std::int64_t last = trainer.config().ppo.total_updates;
  if (options.stop_after > 0) last = std::min(last, options.stop_after);
  if (options.profile) LaunchControl::enable_profile(true);
  Session session(trainer, run ? &*run : nullptr, signals, quiet);
  session.train(last);
  session.finish(parameter_report(trainer));
  log_line(memory_table(memory_of(trainer.backend())));
  if (options.profile) log_line(kernel_profile(trainer.backend()));
  if (run) log_line("run folder: " + run->path().string());
  if (session.signal() == 0) return 0;
  if (run) {
    log_line(fmt::format("stopped by signal {} after update {}: go on by train --resume {}",
                         session.signal(), trainer.ppo().updates(), run->path().string()));
  }
  return exit_status_of(session.signal());
}

}  // namespace

Config config_to_forecast(const TrainOptions& options) {
  if (options.config.empty() || !options.out.empty() || !options.resume.empty() ||
      !options.replay.empty() || options.stop_after > 0 || options.profile) {
    throw UsageError(
        "--forecast begins no run: it takes CONFIG, and of the other options --set, --seed, "
        "--device and --threads");
  }
  return load_config(options.config, options.common);
}

int train(const TrainOptions& options) {
  check_usage(options);
  if (!options.replay.empty()) return replay(options.replay, options.common);
  const std::unique_ptr<Communicator> communicator = join_processes();
  return run_together(*communicator, [&] { return train_in_process(options, *communicator); });
}

}  // namespace frost
