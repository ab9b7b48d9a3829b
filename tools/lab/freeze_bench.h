#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/memory_ledger.h"
#include "models/policies/backbone_network.h"
#include "tools/config/config.h"
#include "tools/lab/bench_workload.h"
#include "tools/lab/counts/update_counts.h"
#include "tools/runs/step_rates.h"

namespace frost {

/// In place of a freeze mode: the network from scratch.
inline constexpr const char* kImpalaRow = "impala";

/// A row of the benchmark before it is measured.
struct BenchCase {
  std::string mode;  ///< of freezing, or `kImpalaRow`
  ObservationKind observation = ObservationKind::kGraph;
  bool plain = false;  ///< with the savings of `BenchSettings::plain` turned off
};

/// What one freeze mode costs with one kind of observation.
struct BenchRow {
  BenchCase what;
  std::int64_t trainable = 0, frozen = 0;
  MemoryLedger::Bytes bytes;       ///< peaks of one update
  std::int64_t peak_resident = 0;  ///< of the process, during that update; 0: unknown
  double saved_body = 0;           ///< bytes one ResNet body keeps per image
  double work = 0;  ///< multiplications of ResNet bodies per state, collected and learned from
  std::vector<StepRates> runs;
  std::size_t replays = 0;  ///< minibatches of one update that were replayed from a recording
  std::optional<UpdateCounts> counts;  ///< of the last update, where they were asked for

  /// "all", "none --plain"
  std::string label() const { return what.mode + (what.plain ? " --plain" : ""); }
  StepRates median() const;
  StepRates least() const;
  StepRates most() const;
  /// Gradients 4 and moments 8 bytes per trainable parameter, to the byte.
  bool exact() const;
  /// How many times faster than `base` the bodies' multiplications allow; "-" where they are not
  /// counted.
  std::string limit(const BenchRow& base) const;
  /// What training holds besides the network: gradients, moments, saved, cache, rollout, workspace.
  std::int64_t training_bytes() const;
};

/// What is measured, on what network.
struct BenchSettings {
  Config config;
  BenchWorkload workload;
  std::vector<BenchCase> cases;
  FreezeSavings plain{false, false, false, false};  ///< of the plain rows
  bool count = false;                               ///< what the device is asked to do
};

/// Multiplications of both bodies for one state of `epochs` epochs, in units of one multiplication:
/// collection, and per epoch forward, data gradient where something trains below, and weight
/// gradient where a weight or scale trains; a frozen prefix once for all. Padding counts as data.
double body_work(BackboneNetwork& network, int epochs);

/// Real PPO updates for every case. Repetitions go round the cases, so that a change of the
/// machine's speed meets all of them; each begins with a fresh network and one untimed minibatch,
/// with `graphs` one untimed update. `tell` receives a line per measurement. Throws UsageError for
/// `graphs` on a device that records no work, and for `count` on one that does not count.
std::vector<BenchRow> bench_freeze(const BenchSettings& settings,
                                   const std::function<void(const std::string&)>& tell);

/// The row a row is compared with: `none` of the same observation, not plain; null if not measured.
const BenchRow* base_of(const std::vector<BenchRow>& rows, const BenchRow& row);

const char* to_string(ObservationKind kind);

}  // namespace frost
