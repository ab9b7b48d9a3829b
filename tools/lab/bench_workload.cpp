#include "tools/lab/bench_workload.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/random.h"
#include "kernels/errors.h"
#include "rl/byte_stream.h"
#include "rl/envs/durotaxis/baselines.h"
#include "rl/envs/durotaxis/features.h"
#include "rl/envs/durotaxis/picture.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

Recording record_colony(const DurotaxisConfig& config, int steps, RandomStream& seeds) {
  Durotaxis environment(config);
  Recording recording;
  for (bool running = false; static_cast<int>(recording.size()) < steps;) {
    if (!running) environment.reset(seeds.next_bits());
    RecordedStep step;
    step.graph = environment.graph();
    step.image = draw_colony(environment.colony(), environment.substrate(), config.image_size);
    step.result = environment.step(half_delete_policy(environment.colony()));
    running = !step.result.done();
    recording.push_back(std::move(step));
  }
  StepResult& last = recording.back().result;
  last.terminated = true;
  last.truncated = false;
  return recording;
}

template <class T>
void append(std::vector<T>& all, const std::vector<T>& part) {
  all.insert(all.end(), part.begin(), part.end());
}

/// All steps as flat columns.
struct Columns {
  std::vector<std::int32_t> node_offsets{0}, edge_offsets{0}, edge_source, edge_target;
  std::vector<float> node_features, graph_features, edge_features, rewards;
  std::vector<std::uint8_t> action_mask, images, done;

  void add(const RecordedStep& step) {
    const GraphObservation& g = step.graph;
    node_offsets.push_back(node_offsets.back() + g.num_nodes());
    edge_offsets.push_back(edge_offsets.back() + g.num_edges());
    append(edge_source, g.edge_source);
    append(edge_target, g.edge_target);
    append(node_features, g.node_features);
    append(graph_features, g.graph_features);
    append(edge_features, g.edge_features);
    append(action_mask, g.action_mask);
    append(images, step.image.pixels);
    for (const double r : step.result.reward) rewards.push_back(static_cast<float>(r));
    done.push_back(step.result.done());
  }
};

}  // namespace

std::string BenchWorkload::text() const {
  return fmt::format(
      "{} environments, {} steps, {} epochs, minibatches of {} states, {} cells per colony "
      "replayed "
      "from half_delete on the linear field m = 0.05, pictures of {}x{}, no KL stop, {} "
      "repetitions",
      environments, steps, epochs, minibatch, cells, image_size, image_size, repetitions);
}

DurotaxisConfig bench_colony(const BenchWorkload& workload, DurotaxisConfig config) {
  config.substrate.kind = SubstrateConfig::Kind::kLinear;
  config.substrate.m = 0.05;
  config.init_num_nodes = workload.cells;
  config.threshold_critical_nodes = std::max(config.threshold_critical_nodes, 2 * workload.cells);
  config.image_size = workload.image_size;
  return config;
}

std::vector<Recording> record_colonies(const BenchWorkload& workload, std::uint64_t seed,
                                       const DurotaxisConfig& base) {
  const DurotaxisConfig config = bench_colony(workload, base);
  std::vector<Recording> recordings;
  for (int i = 0; i < workload.environments; ++i) {
    RandomStream seeds(seed, StreamPurpose::kLayout, static_cast<std::uint32_t>(i));
    recordings.push_back(record_colony(config, workload.steps / workload.environments, seeds));
  }
  return recordings;
}

void write_recordings(const std::string& path, const std::vector<Recording>& recordings,
                      const BenchWorkload& workload) {
  Columns all;
  for (const Recording& recording : recordings) {
    for (const RecordedStep& step : recording) all.add(step);
  }
  const auto states = static_cast<std::int64_t>(all.done.size());
  const std::int64_t nodes = all.node_offsets.back(), edges = all.edge_offsets.back();
  const std::int64_t side = workload.image_size;
  SafetensorsFile file;
  StateDict& t = file.tensors;
  t["node_offsets"] = HostTensor::from_int32({states + 1}, all.node_offsets);
  t["edge_offsets"] = HostTensor::from_int32({states + 1}, all.edge_offsets);
  t["edge_source"] = HostTensor::from_int32({edges}, all.edge_source);
  t["edge_target"] = HostTensor::from_int32({edges}, all.edge_target);
  t["node_features"] = HostTensor::from_floats({nodes, kNodeFeatures}, all.node_features);
  t["graph_features"] = HostTensor::from_floats({states, kGraphFeatures}, all.graph_features);
  t["edge_features"] = HostTensor::from_floats({edges, kEdgeFeatures}, all.edge_features);
  t["action_mask"] = HostTensor::from_bytes({nodes, 2}, all.action_mask);
  t["images"] = HostTensor::from_bytes({states, side, side}, all.images);
  t["rewards"] = HostTensor::from_floats({states, kRewardComponents}, all.rewards);
  t["done"] = HostTensor::from_bytes({states}, all.done);
  file.metadata = {{"environments", std::to_string(workload.environments)},
                   {"steps", std::to_string(workload.steps)},
                   {"epochs", std::to_string(workload.epochs)},
                   {"minibatch", std::to_string(workload.minibatch)}};
  write_safetensors(path, file);
}

ActionSpace ReplayEnvironment::action_space() const {
  DurotaxisConfig config;
  config.spawn = spawn_;
  if (kind_ == ObservationKind::kImage) return PictureDurotaxis(config).action_space();
  return Durotaxis(config).action_space();
}

Observation ReplayEnvironment::observe() const {
  const RecordedStep& now = recording_[next_];
  if (kind_ == ObservationKind::kImage) return now.image;
  return now.graph;
}

StepResult ReplayEnvironment::step(const Action& action) {
  const RecordedStep& now = recording_[next_];
  const bool graph = kind_ == ObservationKind::kGraph;
  const std::size_t given = graph ? action.decisions.size() : action.parameters.size();
  const auto wanted =
      static_cast<std::size_t>(graph ? now.graph.num_nodes() : action_space().dims());
  if (given != wanted) {
    fail("replay",
         fmt::format("{} decisions for {} {}", given, wanted, graph ? "cells" : "global values"));
  }
  next_ = (next_ + 1) % recording_.size();
  ++steps_;
  return now.result;
}

std::vector<std::uint8_t> ReplayEnvironment::save_state() const {
  StateWriter writer;
  writer.put<std::uint64_t>(next_);
  writer.put(steps_);
  return writer.take();
}

void ReplayEnvironment::load_state(const std::vector<std::uint8_t>& state) {
  StateReader reader("replay", state);
  const auto next = reader.get<std::uint64_t>();
  const auto steps = reader.get<int>();
  reader.expect_end();
  if (next >= recording_.size()) fail("replay", "the state lies beyond the end of the recording");
  next_ = next;
  steps_ = steps;
}

EnvironmentFactory replay_factory(const std::vector<Recording>& recordings, ObservationKind kind,
                                  const SpawnPolicyConfig& spawn) {
  return [&recordings, kind, spawn, i = std::size_t{0}]() mutable {
    return std::make_unique<ReplayEnvironment>(recordings[i++ % recordings.size()], kind, spawn);
  };
}

}  // namespace frost
