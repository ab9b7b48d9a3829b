#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "bench/conv_layers.h"
#include "bench/peak.h"
#include "bench/timing.h"
#include "engine/io/atomic_file.h"
#include "frost_commit.h"
#include "kernels/backend_registry.h"
#include "kernels/cpu_levels.h"
#include "kernels/parallel_for.h"
#include "models/resnet.h"

// How near the CPU's convolutions and matrix products come to what the machine can do: measured
// times beside the floor that arithmetic and memory set. bench/layers.py runs it beside PyTorch.
namespace frost {
namespace {

using Json = nlohmann::json;

struct Options {
  int network = 18, threads = 2;
  std::vector<std::int64_t> pixels{24, 84, 224};
  std::int64_t batch = 0;
  double seconds = 0.3;
  bool renew = false, gemm = false, forward = false;
  std::string only, json;
};

/// What bounds every kernel on this machine, at the instruction level in use.
struct Machine {
  double gflops, gigabytes;

  /// Seconds that neither arithmetic nor memory can go below.
  double floor(double multiplications, double bytes) const {
    return std::max(2e-9 * multiplications / gflops, 1e-9 * bytes / gigabytes);
  }
};

/// The same values for equal counts, normal ones, so that no denormals slow anything down.
std::vector<float> random_values(std::int64_t count) {
  static std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = normal(random);
  return values;
}

Tensor random_tensor(Backend& backend, const Shape& shape) {
  return Tensor::from_host(backend, shape, random_values(numel(shape)));
}

Json timing_json(const Timing& t, double multiplications, double nominal, double bytes,
                 const Machine& machine) {
  const double floor = machine.floor(multiplications, bytes);
  return {{"median", t.median},
          {"best", t.best},
          {"repetitions", t.repetitions},
          {"bytes", bytes},
          {"floor", floor},
          {"gflops_done", 2e-9 * multiplications / t.median},
          {"gflops_nominal", 2e-9 * nominal / t.median},
          {"of_peak", 2e-9 * multiplications / t.median / machine.gflops},
          {"of_floor", floor / t.median}};
}

std::string timing_text(const Json& t) {
  const auto number = [&](const char* key) { return t[key].get<double>(); };
  return fmt::format("{:>10.3f}{:>10.3f}{:>10.3f}{:>7.0f} %{:>7.0f} %{:>10.1f}",
                     1e3 * number("median"), 1e3 * number("best"), 1e3 * number("floor"),
                     100 * number("of_floor"), 100 * number("of_peak"), number("gflops_nominal"));
}

constexpr const char* kTimingHead =
    "    median      best     floor  of floor  of peak  GFLOP/s nominal";

Json shape_json(const Conv2dShape& s) {
  return {{"n", s.n},   {"h", s.h},   {"w", s.w},           {"c", s.c},    {"k", s.k},
          {"kh", s.kh}, {"kw", s.kw}, {"stride", s.stride}, {"pad", s.pad}};
}

/// One layer in its three directions.
Json measure_layer(Backend& backend, const ConvLayer& layer, const Machine& machine,
                   const Options& options) {
  const Conv2dShape& s = layer.shape;
  const Tensor x = random_tensor(backend, {s.n, s.h, s.w, s.c});
  const Tensor dy = random_tensor(backend, {s.n, s.oh(), s.ow(), s.k});
  const Tensor weight = random_tensor(backend, {s.k, s.kh, s.kw, s.c});
  const Tensor bias = random_tensor(backend, {s.k});
  const Tensor y = Tensor::zeros(backend, dy.shape()), dx = Tensor::zeros(backend, x.shape());
  const Tensor dweight = Tensor::zeros(backend, weight.shape());
  // The identity of a frozen weight, packed once; or of one that trains, packed at every call.
  WeightView view = weight.weight_view();
  const auto next = [&] {
    view.version += options.renew ? 1 : 0;
    return view;
  };
  const auto time = [&](const auto& fn) { return time_calls(options.seconds, fn); };
  const std::array<std::pair<const char*, Timing>, 3> directions{
      {{"forward", time([&] {
          backend.convolution().conv2d_forward(s, x.data(), next(), bias.data(), nullptr, true,
                                               y.data());
        })},
       {"data", time([&] {
          backend.convolution().conv2d_backward_data(s, dy.data(), next(),
                                                     {dx.data(), GradMode::kOverwrite});
        })},
       {"weight", time([&] {
          backend.convolution().conv2d_backward_weight(s, x.data(), dy.data(),
                                                       {dweight.data(), GradMode::kOverwrite});
        })}}};
  const KernelWork work = chosen_cpu_level().conv2d_work(s);
  const auto done = static_cast<double>(work.multiplications);
  const auto nominal = static_cast<double>(s.n * s.oh() * s.ow() * s.k * s.kh * s.kw * s.c);
  Json row{{"layer", layer.name},     {"count", layer.count},
           {"shape", shape_json(s)},  {"algorithm", work.algorithm},
           {"multiplications", done}, {"multiplications_nominal", nominal}};
  const auto bytes = static_cast<double>(x.bytes() + dy.bytes() + weight.bytes());
  for (const auto& [direction, timing] : directions) {
    row[direction] = timing_json(timing, done, nominal, bytes, machine);
    fmt::print("{:<30}{:<19}{:<8}{}\n", layer.name, work.algorithm, direction,
               timing_text(row[direction]));
  }
  std::fflush(stdout);
  return row;
}

Json measure_layers(Backend& backend, const Machine& machine, const Options& options) {
  constexpr std::int64_t kLarge = 128, kFew = 8, kMany = 64;
  Json rows = Json::array();
  for (const std::int64_t pixels : options.pixels) {
    const std::int64_t batch = options.batch > 0 ? options.batch : (pixels > kLarge ? kFew : kMany);
    fmt::print("\nResNet{} on {} pixels, batch {}, ms\n{:<30}{:<19}{:<8}{}\n", options.network,
               pixels, batch, "layer", "algorithm", "", kTimingHead);
    Json total = {{"forward", 0.0}, {"data", 0.0}, {"weight", 0.0}};
    for (const ConvLayer& layer : resnet_layers(options.network, pixels, batch)) {
      if (layer.name.find(options.only) == std::string::npos) continue;
      Json row = measure_layer(backend, layer, machine, options);
      row["network"] = options.network;
      row["pixels"] = pixels;
      for (auto& [direction, sum] : total.items()) {
        sum = sum.get<double>() + layer.count * row[direction]["median"].get<double>();
      }
      rows.push_back(std::move(row));
    }
    fmt::print("all layers as often as they occur: forward {:.2f}, data {:.2f}, weight {:.2f} ms\n",
               1e3 * total["forward"].get<double>(), 1e3 * total["data"].get<double>(),
               1e3 * total["weight"].get<double>());
  }
  return rows;
}

struct Product {
  bool transpose_a, transpose_b;
  std::int64_t m, n, k;

  std::string name() const {
    return fmt::format("{}{} {}x{}x{}", transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k);
  }
};

/// Of the graph encoder and the heads, forward, data and weight gradients; then odd sizes, and one
/// that only arithmetic bounds.
constexpr std::array<Product, 11> kProducts{{{false, false, 1024, 128, 128},
                                             {false, true, 1024, 128, 128},
                                             {true, false, 128, 128, 1024},
                                             {false, true, 64, 256, 512},
                                             {false, false, 64, 512, 256},
                                             {true, false, 256, 512, 64},
                                             {false, true, 1024, 512, 128},
                                             {false, true, 8, 256, 512},
                                             {false, true, 64, 9, 256},
                                             {false, true, 1000, 100, 77},
                                             {false, false, 1024, 1024, 1024}}};

Json measure_products(Backend& backend, const Machine& machine, const Options& options) {
  fmt::print("\nmatrix products [m,k] [k,n] as m x n x k, ms\n{:<50}{}\n", "", kTimingHead);
  Json rows = Json::array();
  for (const Product& p : kProducts) {
    if (p.name().find(options.only) == std::string::npos) continue;
    const Tensor a = random_tensor(backend, {p.m, p.k}), b = random_tensor(backend, {p.k, p.n});
    const Tensor c = Tensor::zeros(backend, {p.m, p.n});
    const Timing timing = time_calls(options.seconds, [&] {
      backend.matrix().gemm(p.transpose_a, p.transpose_b, p.m, p.n, p.k, a.data(),
                            p.transpose_a ? p.m : p.k, b.data(), p.transpose_b ? p.k : p.n,
                            {c.data(), GradMode::kOverwrite}, p.n);
    });
    const auto work = static_cast<double>(p.m * p.n * p.k);
    const auto bytes = static_cast<double>(a.bytes() + b.bytes() + c.bytes());
    Json row{{"product", p.name()},
             {"transpose_a", p.transpose_a},
             {"transpose_b", p.transpose_b},
             {"m", p.m},
             {"n", p.n},
             {"k", p.k}};
    row["time"] = timing_json(timing, work, work, bytes, machine);
    fmt::print("{:<50}{}\n", p.name(), timing_text(row["time"]));
    rows.push_back(std::move(row));
  }
  return rows;
}

/// What `infer` runs: three channels, BatchNorm folded, no tape, to the logits.
Json measure_forward(Backend& backend, const Options& options) {
  constexpr std::array<std::array<std::int64_t, 2>, 3> kCases{{{224, 1}, {224, 16}, {84, 64}}};
  fmt::print("\nResNet{} forward, three channels, ms\n{:<30}{:>10}{:>10}\n", options.network, "",
             "median", "best");
  const NoGradGuard no_grad;
  ResNetClassifier network(backend, options.network, 1000);
  RandomStream random(1, StreamPurpose::kInit);
  network.body.initialize(random);
  Json rows = Json::array();
  for (const auto& [pixels, batch] : kCases) {
    const Tensor images = random_tensor(backend, {batch, pixels, pixels, 3});
    const Timing timing =
        time_calls(options.seconds, [&] { network.logits(network.body.forward(images)); });
    fmt::print("{:<30}{:>10.2f}{:>10.2f}\n", fmt::format("{} pixels, batch {}", pixels, batch),
               1e3 * timing.median, 1e3 * timing.best);
    rows.push_back({{"network", options.network},
                    {"pixels", pixels},
                    {"batch", batch},
                    {"time",
                     {{"median", timing.median},
                      {"best", timing.best},
                      {"repetitions", timing.repetitions}}}});
  }
  return rows;
}

void add_options(CLI::App& app, Options& o) {
  app.add_option("--network", o.network, "which ResNet: 18, 34 or 50")
      ->check(CLI::IsMember({18, 34, 50}));
  app.add_option("--pixels", o.pixels, "sides of the pictures (24,84,224)")->delimiter(',');
  app.add_option("--batch", o.batch, "pictures (64; 8 above 128 pixels)")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", o.threads, "of the kernels (2)")->check(CLI::PositiveNumber);
  app.add_option("--seconds", o.seconds, "of each measurement (0.3)")->check(CLI::PositiveNumber);
  app.add_option("--only", o.only, "only layers or products whose name holds this");
  app.add_flag("--renew", o.renew, "pack weights at every call, as for weights that train");
  app.add_flag("--gemm", o.gemm, "matrix products instead of convolutions");
  app.add_flag("--forward", o.forward, "the whole forward instead of its convolutions");
  app.add_option("--json", o.json, "write the numbers here");
}

int run(const Options& options) {
  set_thread_budget(options.threads);
  Backend& backend = cpu_backend();
  const Machine machine{fma_gflops(), triad_gigabytes_per_second()};
  fmt::print("{}: {:.0f} GFLOP/s of fused multiply-adds, triad {:.1f} GB/s\n",
             backend.description(), machine.gflops, machine.gigabytes);
  Json result{{"commit", FROST_COMMIT},        {"device", backend.description()},
              {"threads", options.threads},    {"renewed_weights", options.renew},
              {"peak_gflops", machine.gflops}, {"triad_gigabytes_per_second", machine.gigabytes}};
  const char* level = std::getenv("FROST_ISA");
  result["isa_asked"] = level == nullptr ? "native" : level;
  if (options.gemm) result["products"] = measure_products(backend, machine, options);
  if (options.forward) result["forward"] = measure_forward(backend, options);
  if (!options.gemm && !options.forward) {
    result["layers"] = measure_layers(backend, machine, options);
  }
  if (!options.json.empty()) write_file_atomically(options.json, result.dump(2) + '\n');
  return 0;
}

}  // namespace
}  // namespace frost

int main(int argc, char** argv) {
  frost::Options options;
  CLI::App app("Convolutions and matrix products against what the machine can do");
  frost::add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  try {
    return frost::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
