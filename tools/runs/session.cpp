#include "tools/runs/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "engine/dry_run.h"
#include "kernels/parallel_for.h"
#include "tools/cli/log.h"
#include "tools/runs/evaluation/episode_film.h"
#include "tools/runs/library_digest.h"
#include "tools/runs/logs/run_board.h"
#include "tools/runs/processes.h"
#include "tools/runs/replay.h"

namespace frost {
namespace {

/// A mean, or "-" where there was nothing to take one of.
std::string mean_text(double value, int decimals, const char* unit = "") {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}{}", value, decimals, unit);
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

std::string mebibytes(std::int64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

/// Steps of one update over all environments.
std::int64_t steps_per_update(const PpoConfig& ppo) {
  return ppo.rollout_steps / ppo.num_envs * ppo.num_envs;
}

}  // namespace

Session::Session(Trainer& trainer, const Run* run, const StopSignals& signals, bool quiet)
    : trainer_(trainer), run_(run), signals_(signals), quiet_(quiet) {
  if (run == nullptr) return;
  tables_.emplace(run->path(), trainer.ppo().updates(), trainer.ppo().global_step());
}

bool Session::interrupted() {
  if (signal_ == 0) signal_ = any_signal(trainer_.communicator(), signals_.received());
  return signal_ != 0;
}

bool Session::due(int every) const {
  return every > 0 && trainer_.ppo().updates() % every == 0;
}

void Session::train(std::int64_t last) {
  Ppo& ppo = trainer_.ppo();
  write_status("running");
  if (tables_ && tables_->board().begins()) write_beginning(tables_->board(), trainer_);
  std::int64_t update_at_hand = ppo.updates() + 1;
  try {
    Progress progress(ppo.updates(), last, steps_per_update(trainer_.config().ppo), quiet_);
    while (ppo.updates() < last && !interrupted()) {
      update_at_hand = ppo.updates() + 1;
      if (const std::string change = trainer_.follow_freeze_schedule(); !change.empty()) {
        log_line(change);
      }
      reset_memory_peaks(trainer_.backend());
      const std::optional<Metrics> metrics = ppo.update([&] {
        progress.refresh();
        return interrupted();
      });
      if (!metrics) break;
      log(*metrics);
      progress.show(ppo.updates(), shown_of(*metrics));
      log_forecast(last);
      if (due(trainer_.config().run.eval_every)) evaluate();
      if (due(trainer_.config().run.checkpoint_every) && ppo.updates() < last) {
        write(&Run::write_last);
        write_status("running");
      }
    }
    write(&Run::write_last);
    interrupted();                   // so that a signal that came at the end is told
  } catch (const std::bad_alloc&) {  // its text is a table
    mark_failed();
    throw;
  } catch (const NotFiniteError& fault) {
    const std::string state = leave_failure(ppo.updates() < update_at_hand);
    mark_failed();
    throw Error(fmt::format("update {}: {}{}", update_at_hand, fault.what(), state));
  } catch (const std::exception& fault) {
    mark_failed();
    throw Error(fmt::format("update {}: {}", update_at_hand, fault.what()));
  }
}

void Session::mark_failed() const {
  try {
    write_status("failed");
  } catch (const std::exception&) {  // what came first is what is told
  }
}

std::string Session::leave_failure(bool within_update) const {
  std::string state, operation;
  if (trainer_.communicator().size() > 1) {
    return "; several processes leave no state of it: go on with the run in one, train --resume "
           "RUN, which meets it again and leaves one";
  }
  try {
    state = run_->write_failure(trainer_.checkpoint(), trainer_.ppo().updates() + 1).string();
  } catch (const std::exception& second) {
    return fmt::format("; its state could not be written: {}", second.what());
  }
  try {
    operation = first_not_finite(trainer_.ppo());
  } catch (const std::exception&) {  // the state is there: --replay may find it
  }
  // An evaluation is no part of an update, which may still meet what it met, and then says so.
  if (!within_update && operation.empty()) {
    return fmt::format("; the state it was of is in {}: look at it with inspect_weights", state);
  }
  return fmt::format(
      "{}; the state before it is in {}: look at it with inspect_weights, repeat it with train "
      "--replay {}",
      operation.empty() ? "" : "; first of all: " + operation, state, state);
}

void Session::log(const Metrics& metrics) {
  if (run_ == nullptr) return;
  const Ppo& ppo = trainer_.ppo();
  run_->require_folder();
  tables_->log_update(metrics);
  tables_->log_timing(ppo.updates(), steps_per_update(trainer_.config().ppo), ppo.timing(),
                      memory_of(trainer_.backend()));
  tables_->log_episodes(ppo.updates(), ppo.finished_episodes());
  constexpr std::int64_t kStates = 20;  // in the course of a run
  if (ppo.updates() % std::max<std::int64_t>(1, trainer_.config().ppo.total_updates / kStates) ==
      0) {
    write_state(tables_->board(), trainer_);
  }
}

void Session::log_forecast(std::int64_t last) {
  const auto steps = steps_per_update(trainer_.config().ppo);
  const auto rates = meter_.add(static_cast<double>(steps), trainer_.ppo().timing());
  std::int64_t end = last;  // of the freeze mode that was measured
  for (const FreezeStep& step : trainer_.config().model.backbone.freeze_schedule) {
    if (step.update >= trainer_.ppo().updates()) end = std::min(end, step.update);
  }
  const std::int64_t left = end - trainer_.ppo().updates();
  if (!rates || left == 0) return;
  const MemoryLedger::Bytes bytes = memory_of(trainer_.backend());
  log_line(fmt::format(
      "forecast: {}{}{}; an update holds {} of rollout, {} of kept features, {} at its peak",
      forecast_text(*rates, left * steps), end < last ? " until the freeze mode changes" : "",
      trainer_.config().run.eval_every > 0 ? ", evaluations apart" : "",
      mebibytes(bytes.peak_of(MemoryTag::kRollout)),
      mebibytes(bytes.peak_of(MemoryTag::kFeatureCache)), mebibytes(bytes.peak_total)));
}

Progress::Shown Session::shown_of(const Metrics& metrics) const {
  const auto steps = static_cast<double>(steps_per_update(trainer_.config().ppo));
  Progress::Shown shown{step_rates(steps, trainer_.ppo().timing()).overall, {}};
  shown.results = {
      "return " + mean_text(metrics.at("charts/episodic_return"), 2),
      trainer_.has_goal() ? "success " + mean_text(100 * metrics.at("charts/success_rate"), 0, " %")
                          : "length " + mean_text(metrics.at("charts/episodic_length"), 1),
      "entropy " +
          mean_text(metrics.at("losses/entropy") + metrics.at("losses/continuous_entropy"), 3)};
  shown.more = {{"KL " + mean_text(metrics.at("losses/approx_kl"), 5),
                 "clipped " + mean_text(100 * metrics.at("losses/clipfrac"), 1, " %")}};
  if (const BackboneNetwork* backbone = find_backbone(trainer_.network())) {
    shown.more[0].push_back("freeze mode " + backbone->freeze_mode().name);
  }
  const MemoryLedger::Bytes bytes = memory_of(trainer_.backend());
  std::vector<std::string>& memory = shown.more.emplace_back();
  memory.push_back("peak memory " + mebibytes(bytes.peak_total));
  for (std::size_t i = 0; i < kMemoryTags; ++i) {
    if (bytes.peak[i] == 0) continue;
    memory.push_back(fmt::format("{} {}", kMemoryTagNames[i], mebibytes(bytes.peak[i])));
  }
  return shown;
}

void Session::evaluate() {
  EvaluationResult result;
  const bool best = trainer_.evaluate_and_rank(result);
  const std::int64_t updates = trainer_.ppo().updates();
  if (tables_) tables_->log_evaluation(updates, result);
  if (best) write(&Run::write_best);
  if (quiet_ || run_ == nullptr) return;
  const std::string found =
      trainer_.has_goal()
          ? fmt::format(
                "success {:.0f} % of {}, progress {:.2f}, median successful episode {} steps",
                100 * result.success_rate(), result.episodes.size(), result.mean_progress(),
                mean_text(result.median_success_steps(), 1))
          : fmt::format("return {:.2f}, length {:.1f}, means of {} episodes", result.mean_return(),
                        result.mean_steps(), result.episodes.size());
  log_line(fmt::format("evaluation after update {}: {}{}", updates, found,
                       best ? " (best so far)" : ""));
}

void Session::write(void (Run::*to)(const SafetensorsFile&) const) const {
  const SafetensorsFile state = trainer_.checkpoint();
  const Unhurried guard(trainer_.communicator(), trainer_.config().run.rank_timeout);
  if (run_ != nullptr) (run_->*to)(state);
  trainer_.communicator().barrier();
}

void Session::write_status(const char* state) const {
  if (run_ == nullptr) return;
  std::vector<std::pair<std::string, std::string>> fields = {
      {"program", "frostline train"},
      {"version", FROST_VERSION},
      {"state", state},
      {"updates", std::to_string(trainer_.ppo().updates())},
      {"device", trainer_.setup().device},
      {"threads", thread_summary()},
      {"weights", trainer_.setup().weights},
      {"licence", trainer_.setup().licence},
      {"freeze_modes", freeze_modes()},
      {"environment", trainer_.config().environment_name},
      {"has_goal", trainer_.has_goal() ? "true" : "false"},
      {"seed", std::to_string(trainer_.config().system.seed)}};
  if (!trainer_.library_sha256().empty()) {
    fields.emplace_back(kLibraryKey, trainer_.library_sha256());
  }
  run_->write_status(fields);
}

std::string Session::freeze_modes() const {
  if (find_backbone(trainer_.network()) == nullptr) return "";
  const BackboneConfig& backbone = trainer_.config().model.backbone;
  std::string modes = backbone.freeze_mode;
  for (const FreezeStep& step : backbone.freeze_schedule) {
    modes += fmt::format(", {} after update {}", step.freeze_mode, step.update);
  }
  return modes;
}

void Session::finish(const std::string& summary) {
  if (run_ == nullptr) return;
  const bool whole = trainer_.ppo().updates() == trainer_.config().ppo.total_updates;
  write_status(whole ? "finished" : "stopped");
  if (whole) write_end(tables_->board(), trainer_);
  run_->write_report(summary, signal_ != 0 ? "" : film_episode(trainer_));
}

}  // namespace frost
