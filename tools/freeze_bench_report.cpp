#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/cpu/onednn.h"
#include "tools/freeze_bench.h"
#include "tools/report.h"

#ifndef FROST_COMMIT
#define FROST_COMMIT "unknown"
#endif

namespace frost {
namespace {

double mib(std::int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

std::string with_range(double median, double least, double most) {
  return fmt::format("{:.1f} ({:.1f}-{:.1f})", median, least, most);
}

nlohmann::ordered_json bytes_json(const MemoryLedger::Bytes& bytes) {
  nlohmann::ordered_json json;
  for (const MemoryTag tag : {MemoryTag::kParameters, MemoryTag::kGradients, MemoryTag::kOptimizer,
                              MemoryTag::kSaved, MemoryTag::kPacked, MemoryTag::kWorkspace,
                              MemoryTag::kFeatureCache, MemoryTag::kRollout, MemoryTag::kOther}) {
    json[kMemoryTagNames[static_cast<std::size_t>(tag)]] = bytes.peak_of(tag);
  }
  json["peak"] = bytes.peak_total;
  return json;
}

nlohmann::ordered_json row_json(const BenchRow& row) {
  const StepRates m = row.median(), least = row.least(), most = row.most();
  return {
      {"mode", row.mode},
      {"observation", "graph"},
      {"trainable", row.trainable},
      {"frozen", row.frozen},
      {"bytes", bytes_json(row.bytes)},
      {"saved_body", row.saved_body},
      {"steps_per_second", {{"collect", m.collect}, {"update", m.update}, {"overall", m.overall}}},
      {"spread",
       {{"collect", {least.collect, most.collect}},
        {"update", {least.update, most.update}},
        {"overall", {least.overall, most.overall}}}}};
}

}  // namespace

std::string bench_table(const std::vector<BenchRow>& rows) {
  std::string text = fmt::format("{:<13} {:>11} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10}\n",
                                 "peak MiB", "trainable", "gradients", "optimizer", "saved",
                                 "packed", "workspace", "all", "body/token");
  for (const BenchRow& row : rows) {
    const auto peak = [&](MemoryTag tag) { return mib(row.bytes.peak_of(tag)); };
    text += fmt::format(
        "{:<13} {:>11} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f} {:>8.0f} B\n",
        row.mode, with_thousands(row.trainable), peak(MemoryTag::kGradients),
        peak(MemoryTag::kOptimizer), peak(MemoryTag::kSaved), peak(MemoryTag::kPacked),
        peak(MemoryTag::kWorkspace), mib(row.bytes.peak_total), row.saved_body);
  }
  const auto none = std::find_if(rows.begin(), rows.end(),
                                 [](const BenchRow& row) { return row.mode == "none"; });
  text += fmt::format("\n{:<13} {:>22} {:>22} {:>22} {:>13} {:>13}\n", "steps/s", "collect",
                      "update", "overall", "speed / none", "peak / none");
  for (const BenchRow& row : rows) {
    const StepRates m = row.median(), least = row.least(), most = row.most();
    text += fmt::format("{:<13} {:>22} {:>22} {:>22}", row.mode,
                        with_range(m.collect, least.collect, most.collect),
                        with_range(m.update, least.update, most.update),
                        with_range(m.overall, least.overall, most.overall));
    if (none != rows.end()) {
      text += fmt::format(
          " {:>12.2f}x {:>12.2f}x", m.overall / none->median().overall,
          static_cast<double>(row.bytes.peak_total) / static_cast<double>(none->bytes.peak_total));
    }
    text += "\n";
  }
  return text;
}

std::string bench_json(const std::vector<BenchRow>& rows, const BenchWorkload& workload,
                       const std::string& device) {
  nlohmann::ordered_json json;
  json["commit"] = FROST_COMMIT;
  json["device"] = device;
  json["library_versions"] = {{"frostline", FROST_VERSION}, {"onednn", onednn_description()}};
  json["workload"] = {{"environments", workload.environments},
                      {"steps", workload.steps},
                      {"epochs", workload.epochs},
                      {"minibatch", workload.minibatch},
                      {"cells", workload.cells},
                      {"repetitions", workload.repetitions},
                      {"text", workload.text()}};
  json["rows"] = nlohmann::ordered_json::array();
  for (const BenchRow& row : rows) json["rows"].push_back(row_json(row));
  return json.dump(2) + "\n";
}

}  // namespace frost
