#include "tools/lab/freeze_bench_table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "frost_commit.h"
#include "kernels/cpu_levels.h"
#include "tools/lab/counts/counts_table.h"
#include "tools/reports/bytes_json.h"
#include "tools/reports/parameter_report.h"

namespace frost {
namespace {

double mib(std::int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

std::string with_range(double median, double least, double most) {
  return fmt::format("{:.1f} ({:.1f}-{:.1f})", median, least, most);
}

/// What the guide of the original project promises of freezing the whole body.
const char* promise(const BenchRow& row) {
  return row.what.mode == "all" && !row.what.plain ? "1.5-2 x, 0.3-0.5" : "";
}

double peak_ratio(const BenchRow& row, const BenchRow& base) {
  return static_cast<double>(row.bytes.peak_total) / static_cast<double>(base.bytes.peak_total);
}

nlohmann::ordered_json row_json(const std::vector<BenchRow>& rows, const BenchRow& row,
                                const GpuCard& card) {
  const StepRates m = row.median(), least = row.least(), most = row.most();
  nlohmann::ordered_json json = {
      {"mode", row.what.mode},
      {"observation", to_string(row.what.observation)},
      {"plain", row.what.plain},
      {"trainable", row.trainable},
      {"frozen", row.frozen},
      {"bytes", bytes_json(row.bytes)},
      {"training_bytes", row.training_bytes()},
      {"peak_resident", row.peak_resident == 0 ? nlohmann::ordered_json()
                                               : nlohmann::ordered_json(row.peak_resident)},
      {"saved_body", row.saved_body},
      {"replays", row.replays},
      {"steps_per_second", {{"collect", m.collect}, {"update", m.update}, {"overall", m.overall}}},
      {"spread",
       {{"collect", {least.collect, most.collect}},
        {"update", {least.update, most.update}},
        {"overall", {least.overall, most.overall}}}}};
  if (const BenchRow* base = base_of(rows, row)) {
    json["ratio"] = m.overall / base->median().overall;
    if (row.work > 0) json["limit_ratio"] = base->work / row.work;
    json["peak_ratio"] = peak_ratio(row, *base);
  }
  if (row.counts) json["counts"] = counts_json(*row.counts, card);
  return json;
}

std::string memory_rows(const std::vector<BenchRow>& rows) {
  std::string text = fmt::format(
      "{:<21} {:>11} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>7} {:>8} {:>8} {:>8} {:>10}\n",
      "peak MiB", "trainable", "param.", "grad.", "optim.", "saved", "packed", "cache", "rollout",
      "worksp.", "all", "resident", "body/image");
  for (const BenchRow& row : rows) {
    const auto peak = [&](MemoryTag tag) { return mib(row.bytes.peak_of(tag)); };
    text += fmt::format(
        "{:<5} {:<15} {:>11} {:>8.1f} {:>8.1f} {:>8.1f} {:>8.1f} {:>8.1f} {:>7.1f} {:>7.1f} "
        "{:>8.1f} {:>8.1f} {:>8} {:>8.0f} B\n",
        to_string(row.what.observation), row.label(), with_thousands(row.trainable),
        peak(MemoryTag::kParameters), peak(MemoryTag::kGradients), peak(MemoryTag::kOptimizer),
        peak(MemoryTag::kSaved), peak(MemoryTag::kPacked), peak(MemoryTag::kFeatureCache),
        peak(MemoryTag::kRollout), peak(MemoryTag::kWorkspace), mib(row.bytes.peak_total),
        row.peak_resident == 0 ? "-" : fmt::format("{:.1f}", mib(row.peak_resident)),
        row.saved_body);
  }
  return text;
}

std::string speed_rows(const std::vector<BenchRow>& rows) {
  std::string text =
      fmt::format("{:<21} {:>24} {:>24} {:>24} {:>8} {:>8} {:>8}  {}\n", "steps/s", "collect",
                  "update", "overall", "/ none", "limit", "peak", "guide: speed, memory");
  for (const BenchRow& row : rows) {
    const StepRates m = row.median(), least = row.least(), most = row.most();
    text += fmt::format("{:<5} {:<15} {:>24} {:>24} {:>24}", to_string(row.what.observation),
                        row.label(), with_range(m.collect, least.collect, most.collect),
                        with_range(m.update, least.update, most.update),
                        with_range(m.overall, least.overall, most.overall));
    if (const BenchRow* base = base_of(rows, row)) {
      text += fmt::format(" {:>8.2f} {:>8} {:>8.2f}  {}", m.overall / base->median().overall,
                          row.limit(*base), peak_ratio(row, *base), promise(row));
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string bench_table(const std::vector<BenchRow>& rows) {
  return memory_rows(rows) + "\n" + speed_rows(rows);
}

std::string bench_counts(const std::vector<BenchRow>& rows, const GpuCard& card) {
  std::string text = counts_header(card);
  for (const BenchRow& row : rows) {
    if (!row.counts) continue;
    text += counts_rows(fmt::format("{:<5} {}", to_string(row.what.observation), row.label()),
                        *row.counts, card);
  }
  return text;
}

std::string bench_json(const std::vector<BenchRow>& rows, const BenchWorkload& workload,
                       const std::string& device, const GpuCard& card) {
  nlohmann::ordered_json json;
  json["commit"] = FROST_COMMIT;
  json["device"] = device;
  json["cpu_level"] = chosen_cpu_level().name;
  json["library_versions"] = {{"frostline", FROST_VERSION}};
  json["workload"] = {{"environments", workload.environments},
                      {"steps", workload.steps},
                      {"epochs", workload.epochs},
                      {"minibatch", workload.minibatch},
                      {"cells", workload.size},
                      {"image_size", workload.image_size},
                      {"repetitions", workload.repetitions},
                      {"graphs", workload.graphs},
                      {"text", workload.text()}};
  json["rows"] = nlohmann::ordered_json::array();
  for (const BenchRow& row : rows) json["rows"].push_back(row_json(rows, row, card));
  return json.dump(2) + "\n";
}

}  // namespace frost
