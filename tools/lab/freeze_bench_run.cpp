#include "tools/lab/freeze_bench_run.h"

#include <fmt/format.h>
#include "engine/io/atomic_file.h"
#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "kernels/parallel_for.h"
#include "models/freeze.h"
#include "models/resnet_spec.h"
#include "tools/cli/standard_output.h"
#include "tools/config/common_options.h"
#include "tools/config/environments.h"
#include "tools/lab/freeze_bench.h"
#include "tools/lab/freeze_bench_html.h"
#include "tools/lab/freeze_bench_table.h"

namespace frost {
namespace {

/// The savings that --plain turns off.
FreezeSavings without(const std::vector<std::string>& names) {
  FreezeSavings savings;
  for (const std::string& name : names) {
    const bool all = name == "all";
    if (all || name == "folding") savings.folding = false;
    if (all || name == "cache") savings.cache = false;
    if (all || name == "sharing") savings.sharing = false;
    if (all || name == "dead_taps") savings.dead_taps = false;
  }
  return savings;
}

/// The modes to measure, each as the bodies' architecture names it.
std::vector<std::string> modes_of(const BenchOptions& options, const Config& config) {
  const ActorCriticConfig& model = config.model;
  std::vector<std::string> modes = options.modes;
  if (modes.empty()) {
    modes =
        model.body == kImpalaRow ? std::vector<std::string>{kImpalaRow} : config.study.freeze_modes;
  }
  for (std::string& mode : modes) {
    if (mode == kImpalaRow) continue;
    mode = find_freeze_mode(mode, resnet_depth(model.backbone.architecture)).name;
  }
  return modes;
}

std::vector<BenchCase> cases_of(const BenchOptions& options, const Config& config) {
  std::vector<BenchCase> cases;
  for (const ObservationKind kind : {ObservationKind::kImage, ObservationKind::kGraph}) {
    if (kind == ObservationKind::kGraph && !has_own_section(config)) continue;
    if (options.observation != "both" && options.observation != to_string(kind)) continue;
    for (const bool plain : {false, true}) {
      if (plain && options.plain.empty()) continue;
      for (const std::string& mode : modes_of(options, config)) {
        const bool none = mode == kImpalaRow && (plain || kind == ObservationKind::kGraph);
        if (!none) cases.push_back({mode, kind, plain});
      }
    }
  }
  return cases;
}

void check_workload(const BenchWorkload& workload) {
  if (workload.steps % workload.environments != 0 || workload.steps < workload.minibatch) {
    throw UsageError(fmt::format("--steps {} must be a multiple of {} and at least {}",
                                 workload.steps, workload.environments, workload.minibatch));
  }
}

void require_exact(const std::vector<BenchRow>& rows) {
  for (const BenchRow& row : rows) {
    if (row.exact()) continue;
    throw Error(fmt::format(
        "mode {}: gradients take {} bytes and moments {}, expected exactly {} and {}",
        row.what.mode, row.bytes.peak_of(MemoryTag::kGradients),
        row.bytes.peak_of(MemoryTag::kOptimizer), 4 * row.trainable, 8 * row.trainable));
  }
  print_out("\nin every mode: gradient bytes = 4 x trainable, optimizer bytes = 8 x trainable\n");
}

}  // namespace

int bench(const BenchOptions& options) {
  check_workload(options.workload);
  BenchSettings settings;
  settings.plain = without(options.plain);
  settings.config = options.config.empty()
                        ? parse_config("", "the defaults", config_overrides(options.common))
                        : load_config(options.config, options.common);
  settings.cases = cases_of(options, settings.config);
  settings.workload = options.workload;
  settings.count = options.count;
  const GpuCard& card = find_gpu_card(options.card);
  settings.workload.pictures = describe_pictures(settings.config);
  const BenchWorkload& workload = settings.workload;
  if (!options.record.empty()) {
    write_workload(options.record, workload, settings.config);
    print_out("workload: {}\nwritten: {}\n", workload.text(), options.record);
    return 0;
  }
  set_thread_budget(settings.config.system.threads);
  std::string device;
  select_backend(settings.config.system.device, device);
  print_out("device: {}\nworkload: {}\n", device, workload.text());
  flush_output();

  const auto tell = [&](const std::string& line) {
    if (options.common.quiet) return;
    print_out("{}\n", line);
    flush_output();
  };
  const std::vector<BenchRow> rows = bench_freeze(settings, tell);
  print_out("\n{}", bench_table(rows));
  if (options.count) print_out("\n{}", bench_counts(rows, card));
  require_exact(rows);
  if (!options.json.empty()) {
    write_file_atomically(options.json, bench_json(rows, workload, device, card));
  }
  if (!options.html.empty()) {
    write_file_atomically(options.html, bench_html(rows, workload, device));
  }
  return 0;
}

}  // namespace frost
