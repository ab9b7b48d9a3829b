#include "tools/lab/counts/update_counts.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kernels/backend_registry.h"
#include "tests/golden_files.h"
#include "tests/required_devices.h"
#include "tests/text_files.h"
#include "tests/weights/weight_file_helpers.h"
#include "tools/lab/counts/counts_table.h"
#include "tools/lab/freeze_bench.h"

namespace frost {
namespace {

TEST(GpuCards, TheRooflineIsTheGreatestLimitAndTheWaits) {
  const GpuCard card{"made up", 1e9, 1e12, 2e12, 4e12, 1e8};
  DeviceCounts counts;
  counts.kernels = 30;
  counts.library = 20;
  counts.nodes = 40;
  counts.graphs = 2;
  counts.waits = 3;
  counts.bytes_read = 600'000;
  counts.bytes_written = 400'000;
  counts.bytes_uploaded = 1000;
  counts.multiplications = 1'000'000'000;
  EXPECT_EQ(counts.launches(), 12);
  const Roofline fp32 = roofline(counts, card, "fp32");
  EXPECT_DOUBLE_EQ(fp32.memory, 1e-3);
  EXPECT_DOUBLE_EQ(fp32.arithmetic, 2e-3);
  EXPECT_DOUBLE_EQ(fp32.issue, 12 * kLaunchSeconds + 40 * kNodeSeconds);
  EXPECT_DOUBLE_EQ(fp32.waiting, 3 * kWaitSeconds + 1e-5);
  EXPECT_DOUBLE_EQ(fp32.total(), 2e-3 + fp32.waiting);
  EXPECT_DOUBLE_EQ(roofline(counts, card, "tf32").arithmetic, 1e-3);
  EXPECT_DOUBLE_EQ(roofline(counts, card, "bf16").total(), 1e-3 + fp32.waiting);
}

TEST(GpuCards, AnUnknownOneIsRefusedWithTheNames) {
  EXPECT_EQ(find_gpu_card("a100").bandwidth, 2039e9);
  EXPECT_TRUE(test::refuses([] { find_gpu_card("abacus"); },
                            "no figures of a card 'abacus': use one of rtx3060, a100, h100"));
}

BenchSettings settings_of(const nlohmann::json& recorded) {
  const nlohmann::json& w = recorded.at("workload");
  BenchSettings settings;
  settings.config = parse_config("actor_critic: {pretrained_weights: random}", "test", {});
  settings.config.system.threads = 1;
  settings.config.system.precision = recorded["rows"][0]["counts"]["precision"];
  settings.workload.environments = w.at("environments");
  settings.workload.steps = w.at("steps");
  settings.workload.epochs = w.at("epochs");
  settings.workload.minibatch = w.at("minibatch");
  settings.workload.size = w.at("cells");
  settings.workload.image_size = w.at("image_size");
  settings.workload.graphs = w.at("graphs");
  settings.workload.repetitions = 1;
  settings.count = true;
  for (const nlohmann::json& row : recorded.at("rows")) {
    const bool image = row.at("observation") == "image";
    settings.cases.push_back(
        {row.at("mode"), image ? ObservationKind::kImage : ObservationKind::kGraph, false});
  }
  return settings;
}

/// The device that counts, if there is one that can be used.
std::string counting_device() {
  for (const BackendStatus& device : available_backends()) {
    if (device.backend != nullptr && device.backend->counts() != nullptr) return device.device;
  }
  return "";
}

TEST(UpdateCounts, ADeviceThatDoesNotCountIsRefused) {
  BenchSettings settings;
  settings.config = parse_config("actor_critic: {pretrained_weights: random}", "test", {});
  settings.config.system.device = "cpu";
  settings.workload = {2, 8, 1, 4, 4, 24, 1, "", false};
  settings.cases = {{"all", ObservationKind::kImage, false}};
  settings.count = true;
  EXPECT_TRUE(test::refuses([&] { bench_freeze(settings, [](const std::string&) {}); },
                            "--count needs a device that counts its work, not cpu"));
}

/// What bench_freeze wrote of an earlier version (docs/gpu-double.md).
class RecordedCounts : public testing::TestWithParam<const char*> {};

TEST_P(RecordedCounts, AreNotExceeded) {
  const std::string device = counting_device();
  if (device.empty() && device_is_required("cuda")) FAIL() << "no device counts";
  if (device.empty()) GTEST_SKIP() << "no device counts";
  const auto recorded = nlohmann::json::parse(
      read_text(source_path(std::string("bench/results/gpu_counts/") + GetParam() + ".json")));
  BenchSettings settings = settings_of(recorded);
  settings.config.system.device = device;
  const std::vector<BenchRow> rows = bench_freeze(settings, [](const std::string&) {});
  ASSERT_EQ(rows.size(), recorded["rows"].size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const nlohmann::json& most = recorded["rows"][i]["counts"];
    const nlohmann::json now = counts_json(*rows[i].counts, gpu_cards().front());
    for (const UpdateCounts::Part& part : UpdateCounts::parts()) {
      for (const auto& [name, count] : now[part.name].items()) {
        if (name == "roofline") continue;
        EXPECT_LE(count.get<std::int64_t>(), most[part.name][name].get<std::int64_t>())
            << rows[i].what.mode << " " << part.name << " " << name;
      }
    }
    const DeviceCounts& minibatch = rows[i].counts->minibatch;
    EXPECT_GT(minibatch.kernels + minibatch.library, 0);
    EXPECT_EQ(minibatch.graphs, settings.workload.graphs ? 2 : 0);
  }
}
INSTANTIATE_TEST_SUITE_P(Files, RecordedCounts, testing::Values("fp32", "bf16", "bf16_graphs"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace frost
