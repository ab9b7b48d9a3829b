#include "tools/runs/training.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "engine/dry_run.h"
#include "engine/launch.h"
#include "kernels/errors.h"
#include "kernels/parallel_for.h"
#include "tools/cli/log.h"
#include "tools/cli/stop_signals.h"
#include "tools/config/config_text.h"
#include "tools/reports/parameter_report.h"
#include "tools/runs/library_digest.h"
#include "tools/runs/replay.h"
#include "tools/runs/resume_rules.h"
#include "tools/runs/run.h"
#include "tools/runs/session.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

/// A run that is about to train.
struct Beginning {
  Run run;
  Trainer trainer;
  std::string note;  ///< where it goes on, and from which state if not from the newest
};

Beginning begin(const TrainOptions& options) {
  const Config config = load_config(options.config, options.common);
  Trainer trainer(config, false);  // before the folder: most mistakes show here
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

Beginning resume(const TrainOptions& options) {
  Run run = Run::open(options.resume);
  std::string note;
  std::optional<Checkpoint> checkpoint;
  if (run.checkpoints().has_last()) {
    checkpoint = run.checkpoints().read_last(note);
    checkpoint->require_resumable();
  }
  const std::string text = checkpoint ? checkpoint->config : run.config();
  const std::string origin = (checkpoint ? checkpoint->path : run.path() / "config.yaml").string();
  const Config config = resumed_config(parse_run_config(text, origin, {}),
                                       asked_config(options, text, origin), options.resume);
  Trainer trainer(config, checkpoint.has_value());
  if (checkpoint) trainer.restore(checkpoint->file);
  if (checkpoint && checkpoint->path != run.checkpoints().last()) {
    run.checkpoints().put_damaged_last_aside();
  }
  run.write_config(to_yaml(config));
  if (checkpoint) {
    const std::string other = library_note(checkpoint->file.metadata, config);
    if (!other.empty()) note += (note.empty() ? "" : "\n") + other;
  }
  const EnvironmentSpec& spec = trainer.environments().spec();
  note += fmt::format("{}resumed after update {}{}", note.empty() ? "" : "\n",
                      trainer.ppo().updates(), checkpoint ? "" : ": no checkpoint was written yet");
  if (checkpoint && !spec.resumes_exactly) {
    note += fmt::format(", in new episodes: {} does not save its state", spec.name);
  }
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
  const StopSignals signals;
  auto [run, trainer, note] = options.resume.empty() ? begin(options) : resume(options);
  open_log(run.path() / "run.log", options.common.quiet);
  log_line("device: " + trainer.setup().device);
  if (const EnvironmentSpec& spec = trainer.environments().spec(); !spec.runs_on.empty()) {
    log_line(fmt::format("environment: {}, {}", spec.name, spec.runs_on));
  }
  if (!trainer.setup().weights.empty()) log_line("weights: " + trainer.setup().weights);
  if (!trainer.setup().mapping.empty()) log_line("weights: " + trainer.setup().mapping);
  log_line(parameter_report(trainer));
  if (!note.empty()) log_line(note);

  std::int64_t last = trainer.config().ppo.total_updates;
  if (options.stop_after > 0) last = std::min(last, options.stop_after);
  if (options.profile) LaunchControl::enable_profile(true);
  Session session(trainer, run, signals, options.common.quiet);
  session.train(last);
  session.finish(parameter_report(trainer));
  log_line(memory_table(memory_of(trainer.backend())));
  if (options.profile) log_line(kernel_profile(trainer.backend()));
  log_line("run folder: " + run.path().string());
  if (signals.received() == 0) return 0;
  log_line(fmt::format("stopped by signal {} after update {}: go on by train --resume {}",
                       signals.received(), trainer.ppo().updates(), run.path().string()));
  return exit_status_of(signals.received());
}

}  // namespace frost
