#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "engine/io/atomic_file.h"
#include "kernels/backend_registry.h"
#include "kernels/status.h"
#include "models/freeze.h"
#include "tools/cli.h"
#include "tools/freeze_bench.h"
#include "tools/program.h"

namespace frost {
namespace {

struct BenchOptions {
  std::string config, observation = "graph", json;
  std::vector<std::string> modes;
  BenchWorkload workload;
  CommonOptions common;
};

int bench(BenchOptions options) {
  const BenchWorkload& workload = options.workload;
  if (workload.steps % workload.environments != 0 || workload.steps < workload.minibatch) {
    throw UsageError(fmt::format("--steps {} must be a multiple of {} and at least {}",
                                 workload.steps, workload.environments, workload.minibatch));
  }
  if (options.modes.empty()) options.modes = distinct_freeze_modes();
  for (const std::string& mode : options.modes) find_freeze_mode(mode);
  const Config config = options.config.empty()
                            ? parse_config("", "the defaults", config_overrides(options.common))
                            : load_config(options.config, options.common);
  set_thread_budget(config.system.threads);
  std::string device;
  select_backend(config.system.device, device);
  fmt::print("device: {}\nworkload: {}\n", device, workload.text());
  std::fflush(stdout);

  const auto tell = [&](const std::string& line) {
    if (options.common.quiet) return;
    fmt::print("{}\n", line);
    std::fflush(stdout);
  };
  const std::vector<BenchRow> rows = bench_freeze(config, options.modes, workload, tell);
  fmt::print("\n{}", bench_table(rows));
  for (const BenchRow& row : rows) {
    if (row.exact()) continue;
    throw Error(fmt::format(
        "mode {}: gradients take {} bytes and moments {}, expected exactly {} and {}", row.mode,
        row.bytes.peak_of(MemoryTag::kGradients), row.bytes.peak_of(MemoryTag::kOptimizer),
        4 * row.trainable, 8 * row.trainable));
  }
  fmt::print("\nin every mode: gradient bytes = 4 x trainable, optimizer bytes = 8 x trainable\n");
  if (!options.json.empty()) {
    write_file_atomically(options.json, bench_json(rows, workload, device));
  }
  return 0;
}

}  // namespace
}  // namespace frost

int main(int argc, char** argv) {
  return frost::run_program([&] {
    CLI::App app("Memory by category and steps per second of PPO for each freeze mode.",
                 "bench_freeze");
    frost::BenchOptions options;
    app.add_option("CONFIG", options.config, "network and PPO settings (default: the defaults)");
    app.add_option("--modes", options.modes, "freeze modes, comma-separated (default: all)")
        ->delimiter(',');
    app.add_option("--observation", options.observation, "kind of observation")
        ->check(CLI::IsMember({"graph"}))
        ->capture_default_str();
    app.add_option("--steps", options.workload.steps, "transitions of one update")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--repetitions", options.workload.repetitions, "updates of each mode")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--json", options.json, "write the rows as JSON");
    frost::add_common_options(app, options.common);
    if (!frost::parse_arguments(app, argc, argv)) return 0;
    return frost::bench(std::move(options));
  });
}
