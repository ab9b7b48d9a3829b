#include "tools/lab/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "kernels/errors.h"
#include "models/resnet_spec.h"
#include "tools/config/environments.h"
#include "tools/lab/ridge_readout.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

/// Features of single pictures, by the name of what made them.
struct Features {
  std::string name;
  std::int64_t width = 0;
  std::vector<float> values;  ///< [pictures, width]
};

/// The configuration with whole ResNets on single pictures, of which nothing is frozen: the input
/// of a prefix is then the picture itself.
Config whole_bodies(Config config) {
  config.model.body = "resnet";
  config.model.backbone.freeze_mode = "none";
  config.model.backbone.freeze_schedule.clear();
  config.model.backbone.tap = "pooled";
  config.model.backbone.tap_head = "pool";
  config.model.picture.frames = 1;
  return config;
}

/// What every tap yields, averaged over its places.
std::vector<Features> tap_features(BackboneNetwork& network, const RecordedEpisodes& record) {
  constexpr std::size_t kChunk = 32;
  const NoGradGuard no_grad;
  ResNet& body = network.actor_body();
  const std::vector<std::string> names = resnet_tap_names();
  const auto taps = static_cast<int>(names.size()) - 1;  // the last two are one
  std::vector<Features> all(static_cast<std::size_t>(taps));
  for (std::size_t begin = 0; begin < record.steps.size(); begin += kChunk) {
    std::vector<const Observation*> chunk;
    for (std::size_t i = begin; i < std::min(begin + kChunk, record.steps.size()); ++i) {
      chunk.push_back(&record.steps[i].observation);
    }
    Tensor x = network.prefix()->inputs(network.make_batch(chunk).images)[0];
    int unit = 0;
    for (int stage = 0; stage < taps; ++stage) {
      const int next = body.spec().unit_of(stage + 1, 0);
      x = body.forward(x, unit, next);
      unit = next;
      const Tensor pooled = global_avg_pool(x);
      const std::vector<float> rows = pooled.to_host();
      Features& tap = all[static_cast<std::size_t>(stage)];
      tap.name = names[static_cast<std::size_t>(stage)];
      tap.width = pooled.dim(1);
      tap.values.insert(tap.values.end(), rows.begin(), rows.end());
    }
  }
  return all;
}

/// The pictures themselves, as the mean of each of at most 12 x 12 cells over all channels.
Features pixel_features(const RecordedEpisodes& record) {
  constexpr int kCells = 12;
  const auto& spec = std::get<PictureSpec>(record.spec.observation);
  const int rows = std::min(kCells, spec.height), columns = std::min(kCells, spec.width);
  Features f{"pixels", rows * columns, {}};
  for (const RecordedStep& step : record.steps) {
    const auto& pixels = std::get<PictureObservation>(step.observation).pixels;
    std::vector<double> sums(static_cast<std::size_t>(f.width)), counts(sums.size());
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const int pixel = static_cast<int>(i) / spec.channels;
      const int y = pixel / spec.width, x = pixel % spec.width;
      const auto cell =
          static_cast<std::size_t>(y * rows / spec.height * columns + x * columns / spec.width);
      sums[cell] += pixels[i];
      ++counts[cell];
    }
    for (std::size_t c = 0; c < sums.size(); ++c) {
      f.values.push_back(static_cast<float>(sums[c] / counts[c]));
    }
  }
  return f;
}

/// Features of the newest frame and, of those before it in the episode, the changes; before the
/// first frame there was none.
std::vector<float> with_earlier(const Features& f, const std::vector<int>& ages, int frames) {
  const auto width = static_cast<std::size_t>(f.width);
  std::vector<float> stacked;
  for (std::size_t i = 0; i < ages.size(); ++i) {
    const auto row = [&](int back) {
      return f.values.data() + (i - static_cast<std::size_t>(std::min(back, ages[i]))) * width;
    };
    stacked.insert(stacked.end(), row(0), row(0) + width);
    for (int back = 1; back < frames; ++back) {
      for (std::size_t c = 0; c < width; ++c) stacked.push_back(row(back - 1)[c] - row(back)[c]);
    }
  }
  return stacked;
}

/// Steps since the reset of the episode, for every step.
std::vector<int> ages_of(const RecordedEpisodes& record) {
  std::vector<int> ages;
  int age = 0;
  for (const RecordedStep& step : record.steps) {
    ages.push_back(age);
    age = step.result.done() ? 0 : age + 1;
  }
  return ages;
}

std::vector<double> rewards_to_go(const RecordedEpisodes& record, double gamma) {
  std::vector<double> all(record.steps.size());
  double following = 0;
  for (std::size_t i = all.size(); i-- > 0;) {
    const StepResult& result = record.steps[i].result;
    following = result.reward[kTotal] + (result.done() ? 0 : gamma * following);
    all[i] = following;
  }
  return all;
}

std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The columns of the state that hold numbers.
void add_state_columns(const RecordedEpisodes& record, ProbeTable& table, ReadoutData& data) {
  for (std::size_t c = 0; c < record.spec.state_columns.size(); ++c) {
    std::vector<double> column;
    for (const RecordedStep& step : record.steps) {
      const auto value = c < step.state.size() ? number(step.state[c]) : std::nullopt;
      if (value) column.push_back(*value);
    }
    if (column.size() != record.steps.size()) continue;
    table.targets.push_back(record.spec.state_columns[c]);
    data.targets.push_back(std::move(column));
  }
}

double mean_of_numbers(const std::vector<double>& scores) {
  double sum = 0;
  int count = 0;
  for (std::size_t i = scores.size() > 1 ? 1 : 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) continue;
    sum += scores[i];
    ++count;
  }
  return count == 0 ? 0 : sum / count;
}

}  // namespace

const ProbeRow& ProbeTable::best() const {
  const auto end = std::find_if(rows.begin(), rows.end(),
                                [](const ProbeRow& row) { return row.tap.starts_with("random"); });
  return *std::max_element(rows.begin(), end, [](const ProbeRow& a, const ProbeRow& b) {
    return mean_of_numbers(a.scores) < mean_of_numbers(b.scores);
  });
}

ProbeTable probe_taps(const Config& config, int steps, int frames) {
  const Config whole = whole_bodies(config);
  const std::unique_ptr<Environment> environment = environment_factory(whole)();
  if (!std::holds_alternative<PictureSpec>(environment->spec().observation)) {
    throw UsageError("a probe needs pictures, and " + environment->spec().name +
                     " shows none: set environment.name to one that does");
  }
  RandomStream seeds(config.system.seed, StreamPurpose::kLayout);
  const RecordedEpisodes record = record_episodes(*environment, steps, seeds);
  const std::vector<int> ages = ages_of(record);
  NetworkSetup setup = build_network(whole, true);
  BackboneNetwork& network = require_backbone(*setup.network);
  std::vector<Features> features = tap_features(network, record);
  if (config.model.backbone.pretrained_weights != "random") {
    RandomStream random(config.system.seed, StreamPurpose::kInit);
    network.initialize(random, true);
    for (Features& f : tap_features(network, record)) {
      f.name = "random " + f.name;
      features.push_back(std::move(f));
    }
  }
  features.push_back(pixel_features(record));

  ProbeTable table;
  table.weights = setup.weights;
  const std::string& reference = record.spec.reference_policy;
  table.policy = reference.empty() ? "random actions" : reference;
  table.targets = {"reward to go"};
  ReadoutData data;
  data.samples = steps;
  data.targets = {rewards_to_go(record, config.ppo.gamma)};
  add_state_columns(record, table, data);
  for (const Features& f : features) {
    for (int k = 1; k <= frames; ++k) {
      data.width = f.width * k;
      data.features = with_earlier(f, ages, k);
      table.rows.push_back({f.name, k, ridge_scores(data)});
    }
  }
  return table;
}

std::string probe_text(const ProbeTable& table) {
  std::string text = fmt::format("{:<15} {:>6}", "tap", "frames");
  for (const std::string& target : table.targets) text += fmt::format("  {:>12}", target);
  for (const ProbeRow& row : table.rows) {
    text += fmt::format("\n{:<15} {:>6}", row.tap, row.frames);
    for (const double score : row.scores) {
      text += std::isnan(score) ? fmt::format("  {:>12}", "-") : fmt::format("  {:>12.3f}", score);
    }
  }
  const ProbeRow& best = table.best();
  return text + fmt::format("\nbest: {} of {} frame{}\n", best.tap, best.frames,
                            best.frames == 1 ? "" : "s");
}

std::string probe_json(const ProbeTable& table) {
  nlohmann::ordered_json json;
  json["weights"] = table.weights;
  json["policy"] = table.policy;
  json["targets"] = table.targets;
  for (const ProbeRow& row : table.rows) {
    json["rows"].push_back({{"tap", row.tap}, {"frames", row.frames}, {"r2", row.scores}});
  }
  json["best"] = {{"tap", table.best().tap}, {"frames", table.best().frames}};
  return json.dump(1) + "\n";
}

}  // namespace frost
