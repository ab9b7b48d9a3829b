#include "tools/runs/training.h"

#include <fmt/format.h>
#include <filesystem>
#include <optional>
#include "engine/launch.h"
#include "kernels/errors.h"
#include "kernels/parallel_for.h"
#include "tools/cli/log.h"
#include "tools/cli/progress.h"
#include "tools/config/common_options.h"
#include "tools/config/config_text.h"
#include "tools/reports/parameter_report.h"
#include "tools/runs/episode_film.h"
#include "tools/runs/run_folder.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

void write_status(const RunFolder& folder, Trainer& trainer, const char* state) {
  folder.write_status({{"program", "frostline train"},
                       {"version", FROST_VERSION},
                       {"state", state},
                       {"updates", std::to_string(trainer.ppo().updates())},
                       {"device", trainer.setup().device_line},
                       {"threads", thread_summary()},
                       {"weights", trainer.setup().weights_line},
                       {"seed", std::to_string(trainer.config().system.seed)}});
}

void evaluate_now(Trainer& trainer, const RunFolder& folder, bool quiet) {
  EvaluationResult result;
  const bool best = trainer.evaluate_and_rank(result);
  folder.log_evaluation(trainer.ppo().updates(), result);
  if (best) write_safetensors(folder.best_checkpoint(), trainer.checkpoint());
  if (quiet) return;
  const std::string found =
      trainer.has_goal()
          ? fmt::format(
                "success {:.0f} % of {}, progress {:.2f}, median successful episode {:g} steps",
                100 * result.success_rate(), result.episodes.size(), result.mean_progress(),
                result.median_success_steps())
          : fmt::format("return {:.2f}, length {:.1f}, means of {} episodes", result.mean_return(),
                        result.mean_steps(), result.episodes.size());
  log_line(fmt::format("evaluation after update {}: {}{}", trainer.ppo().updates(), found,
                       best ? " (best so far)" : ""));
}

/// Updates until `last`, logging, evaluating and saving as configured.
void run_updates(Trainer& trainer, RunFolder& folder, std::int64_t last, bool quiet) {
  Ppo& ppo = trainer.ppo();
  const RunConfig& run = trainer.config().run;
  Progress progress(ppo.updates(), last, quiet);
  const auto due = [&](int every) { return every > 0 && ppo.updates() % every == 0; };
  while (ppo.updates() < last) {
    if (const std::string change = trainer.follow_freeze_schedule(); !change.empty()) {
      log_line(change);
    }
    trainer.backend().ledger().reset_peaks();
    const std::int64_t before = ppo.global_step();
    const Metrics metrics = ppo.update();
    const std::int64_t steps = ppo.global_step() - before;
    const UpdateTiming& t = ppo.timing();
    folder.log_update(metrics);
    folder.log_timing(ppo.updates(), steps, t, trainer.backend().ledger().snapshot());
    folder.log_episodes(ppo.updates(), ppo.finished_episodes());
    progress.show(
        ppo.updates(), static_cast<double>(steps) / (t.collect_seconds + t.learn_seconds),
        fmt::format("return {:.2f} | {} | entropy {:.3f}", metrics.at("charts/episodic_return"),
                    trainer.has_goal()
                        ? fmt::format("success {:.0f} %", 100 * metrics.at("charts/success_rate"))
                        : fmt::format("length {:.1f}", metrics.at("charts/episodic_length")),
                    metrics.at("losses/entropy") + metrics.at("losses/continuous_entropy")));
    if (due(run.eval_every)) evaluate_now(trainer, folder, quiet);
    if (due(run.checkpoint_every) && ppo.updates() < last) {
      write_safetensors(folder.last_checkpoint(), trainer.checkpoint());
      write_status(folder, trainer, "running");
    }
  }
  write_safetensors(folder.last_checkpoint(), trainer.checkpoint());
}

/// The sampled policy in the first held-out episode, its first 200 steps as a GIF; empty where the
/// environment does not render.
std::string film_episode(Trainer& trainer) {
  std::string animation;
  if (!trainer.environments().spec().renders) return animation;
  EpisodeFilm film([&](const std::string&, const std::string& content) { animation = content; }, 1,
                   fmt::format("after update {}", trainer.ppo().updates()), false, 200);
  evaluate_policy(environment_factory(trainer.config()), network_policy(trainer.network(), false),
                  1, trainer.config().run.eval_seed, {&film});
  return animation;
}

}  // namespace

int train(const TrainOptions& options) {
  const bool resuming = !options.resume.empty();
  if (resuming && !options.out.empty()) {
    throw UsageError("--out and --resume exclude each other: a resumed run stays in its folder");
  }
  const Config config = load_config(options.config, options.common);
  Trainer trainer(config, resuming);
  std::optional<RunFolder> folder;
  if (resuming) {
    const auto last = std::filesystem::path(options.resume) / "checkpoints/last.safetensors";
    trainer.restore(read_safetensors(last));
    folder = RunFolder::reopen(options.resume, trainer.ppo().updates());
  } else {
    folder = RunFolder::create(options.out.empty() ? RunFolder::next_free(config.run.save_dir)
                                                   : std::filesystem::path(options.out));
  }
  open_log(folder->path() / "run.log", options.common.quiet);
  folder->write_config(to_yaml(config));
  log_line(trainer.setup().device_line);
  if (!trainer.setup().weights_line.empty()) log_line(trainer.setup().weights_line);
  log_line(parameter_report(trainer.network(), trainer.optimizer()));
  if (resuming) log_line(fmt::format("resumed after update {}", trainer.ppo().updates()));

  std::int64_t last = config.ppo.total_updates;
  if (options.stop_after > 0) last = std::min(last, options.stop_after);
  write_status(*folder, trainer, "running");
  if (options.profile) LaunchControl::enable_profile(true);
  try {
    run_updates(trainer, *folder, last, options.common.quiet);
  } catch (const std::exception& fault) {
    write_status(*folder, trainer, "failed");
    if (dynamic_cast<const std::bad_alloc*>(&fault) != nullptr) throw;  // its text is a table
    throw Error(fmt::format("update {}: {}", trainer.ppo().updates() + 1, fault.what()));
  }
  write_status(*folder, trainer, last == config.ppo.total_updates ? "finished" : "stopped");
  folder->write_report(parameter_report(trainer.network(), trainer.optimizer()),
                       film_episode(trainer));
  log_line(memory_table(trainer.backend().ledger().snapshot()));
  if (options.profile) log_line(kernel_profile(trainer.backend()));
  log_line("run folder: " + folder->path().string());
  return 0;
}

}  // namespace frost
