#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <memory>
#include <vector>

#include "kernels/backend_registry.h"
#include "tests/op_table/op_cases.h"

// Google Benchmark over the op table on every device: `workload/cpu/...` on the shapes of a
// training run, `table/cpu/...` on the small shapes of the tests; each as forward pass and as
// forward and backward pass.
namespace frost {
namespace {

/// Shapes of ResNet18 on 24x24 token images and of the graph encoder, 64 tokens.
std::vector<OpCase> workload() {
  constexpr std::int64_t kTokens = 64;
  std::vector<OpCase> rows;
  rows.push_back(conv_bn_case(
      {.n = kTokens, .side = 24, .c = 3, .k = 64, .kernel = 7, .stride = 2, .x_channels = 1}));
  std::int64_t below = 64, side = 6;
  for (const std::int64_t width : {64, 128, 256, 512}) {
    if (width != below) {
      rows.push_back(conv_bn_case({kTokens, side, below, width, 3, 2}));
      rows.push_back(conv_bn_case({kTokens, side, below, width, 1, 2, false, false}));
      side = (side + 1) / 2;
    }
    rows.push_back(conv_bn_case({kTokens, side, width, width, 3, 1, true}));
    below = width;
  }
  rows.push_back(max_pool_case(kTokens, 12, 12, 64, 3, 2, 1));
  rows.push_back(global_avg_pool_case(kTokens, 7, 7, 512));
  rows.push_back(linear_case(kTokens, 256, 512, true));
  rows.push_back(linear_case(1024, 128, 128, true));
  rows.push_back(gelu_case(1024, 128));
  rows.push_back(layer_norm_case(1024, 128));
  rows.push_back(grouped_softmax_case(1024, 128, 16, 1.0));
  rows.push_back(graph_attention_case("colonies", ring_edges(1024, 3), 4, 32));
  return rows;
}

enum class Pass { kForward, kTraining };

void measure(benchmark::State& state, const OpCase& row, Backend& backend, Pass pass) {
  const bool train = pass == Pass::kTraining;
  const auto trains = train ? trains_of(row) : std::vector<bool>(row.inputs.size());
  const std::vector<Tensor> inputs = upload(backend, row.inputs, trains);
  const OpCase::Run run = row.bind(backend, inputs);
  Tensor y = run();
  if (train && !y.requires_grad()) return state.SkipWithError("has no gradient");
  const Tensor cotangent = Tensor::zeros(backend, y.shape());
  double bytes = static_cast<double>(y.bytes());
  for (const Tensor& t : inputs) bytes += static_cast<double>(t.bytes());
  for ([[maybe_unused]] const auto _ : state) {
    y = run();
    if (train) backward({{y, cotangent}});
  }
  // Both gradients of a product cost as much as the product; each value meets its gradient once.
  const double flops = row.flops * (train ? 3 : 1);
  constexpr auto kRate = benchmark::Counter::kIsIterationInvariantRate;
  if (flops > 0) state.counters["FLOP/s"] = benchmark::Counter(flops, kRate);
  state.counters["B/s"] =
      benchmark::Counter(bytes * (train ? 2 : 1), kRate, benchmark::Counter::OneK::kIs1024);
}

void add_benchmarks(const char* group, const std::vector<OpCase>& rows, double seconds) {
  for (const BackendStatus& status : available_backends()) {
    Backend* const backend = status.backend;
    if (backend == nullptr) continue;
    for (const OpCase& row : rows) {
      for (const Pass pass : {Pass::kForward, Pass::kTraining}) {
        const std::string name = fmt::format("{}/{}/{}/{}", group, status.device, row.title(),
                                             pass == Pass::kTraining ? "training" : "forward");
        benchmark::RegisterBenchmark(
            name.c_str(),
            [&row, backend, pass](benchmark::State& state) { measure(state, row, *backend, pass); })
            ->MinTime(seconds)
            ->UseRealTime();
      }
    }
  }
}

}  // namespace
}  // namespace frost

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const std::vector<frost::OpCase> workload = frost::workload();
  frost::add_benchmarks("workload", workload, 0.2);
  frost::add_benchmarks("table", frost::op_cases(), 0.02);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
