#include "tools/lab/bench_workload.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/random.h"
#include "tools/config/environments.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

template <class T>
void append(std::vector<T>& all, const std::vector<T>& part) {
  all.insert(all.end(), part.begin(), part.end());
}

/// Calls `visit` with every recorded step, in order [environment, time].
template <class Visit>
void for_each_step(const std::vector<RecordedEpisodes>& records, const Visit& visit) {
  for (const RecordedEpisodes& record : records) {
    for (const RecordedStep& step : record.steps) visit(step);
  }
}

/// Pictures, the values beside them, and what followed.
void add_pictures(const std::vector<RecordedEpisodes>& records, SafetensorsFile& file) {
  const EnvironmentSpec& spec = records.at(0).spec;
  const auto& picture = std::get<PictureSpec>(spec.observation);
  std::vector<std::uint8_t> pixels, done;
  std::vector<float> values, rewards;
  for_each_step(records, [&](const RecordedStep& step) {
    const auto& seen = std::get<PictureObservation>(step.observation);
    append(pixels, seen.pixels);
    append(values, seen.values);
    for (const double r : step.result.reward) rewards.push_back(static_cast<float>(r));
    done.push_back(step.result.done());
  });
  const auto states = static_cast<std::int64_t>(done.size());
  const auto components = static_cast<std::int64_t>(spec.reward_names.size());
  StateDict& t = file.tensors;
  t["pictures"] = HostTensor::from_bytes(
      {states, picture.frames, picture.height, picture.width, picture.channels}, pixels);
  if (picture.values > 0) t["values"] = HostTensor::from_floats({states, picture.values}, values);
  t["rewards"] = HostTensor::from_floats({states, components}, rewards);
  t["reward_weights"] = HostTensor::from_floats(
      {components}, std::vector<float>(spec.reward_weights.begin(), spec.reward_weights.end()));
  t["done"] = HostTensor::from_bytes({states}, done);
  const auto note = [&](const char* key, int value) { file.metadata[key] = std::to_string(value); };
  note("frames", picture.frames);
  note("rows", spec.actions.rows);
  note("choices", spec.actions.choices);
  note("dims", spec.actions.dims());
  note("heads", std::max(spec.actions.dims(), spec.continuous_heads));
}

/// The same states as ragged graphs.
void add_graphs(const std::vector<RecordedEpisodes>& records, StateDict& t) {
  std::vector<std::int32_t> node_offsets{0}, edge_offsets{0}, edge_source, edge_target;
  std::vector<float> node_features, graph_features, edge_features;
  std::vector<std::uint8_t> action_mask;
  for_each_step(records, [&](const RecordedStep& step) {
    const auto& g = std::get<GraphObservation>(step.observation);
    node_offsets.push_back(node_offsets.back() + g.num_nodes());
    edge_offsets.push_back(edge_offsets.back() + g.num_edges());
    append(edge_source, g.edge_source);
    append(edge_target, g.edge_target);
    append(node_features, g.node_features);
    append(graph_features, g.graph_features);
    append(edge_features, g.edge_features);
    append(action_mask, g.action_mask);
  });
  const auto& graph = std::get<GraphSpec>(records.at(0).spec.observation);
  const auto offsets = static_cast<std::int64_t>(node_offsets.size());
  const std::int64_t nodes = node_offsets.back(), edges = edge_offsets.back();
  t["node_offsets"] = HostTensor::from_int32({offsets}, node_offsets);
  t["edge_offsets"] = HostTensor::from_int32({offsets}, edge_offsets);
  t["edge_source"] = HostTensor::from_int32({edges}, edge_source);
  t["edge_target"] = HostTensor::from_int32({edges}, edge_target);
  t["node_features"] = HostTensor::from_floats({nodes, graph.node_features}, node_features);
  t["graph_features"] =
      HostTensor::from_floats({offsets - 1, graph.graph_features}, graph_features);
  t["edge_features"] = HostTensor::from_floats({edges, graph.edge_features}, edge_features);
  t["action_mask"] = HostTensor::from_bytes({nodes, 2}, action_mask);
}

}  // namespace

std::string BenchWorkload::text() const {
  return fmt::format(
      "{} environments, {} steps, {} epochs, minibatches of {} states, {} replayed, no KL stop, {} "
      "repetitions{}",
      environments, steps, epochs, minibatch,
      pictures.empty()
          ? fmt::format("graphs of {} nodes and pictures of {}x{}", size, image_size, image_size)
          : pictures,
      repetitions, graphs ? ", minibatches recorded" : "");
}

std::string describe_pictures(const Config& config) {
  if (has_own_section(config) && config.model.picture.frames == 1) return "";
  const EnvironmentSpec spec = environment_spec(config);
  const auto* picture = std::get_if<PictureSpec>(&spec.observation);
  if (picture == nullptr) return "";
  return fmt::format("{} pictures of {}x{}x{} a state from {}", picture->frames, picture->height,
                     picture->width, picture->channels, spec.name);
}

std::vector<RecordedEpisodes> record_workload(const BenchWorkload& workload, Config config,
                                              ObservationKind kind) {
  config.model.observation = kind;
  config.environment.image_size = workload.image_size;
  std::vector<RecordedEpisodes> records;
  for (int i = 0; i < workload.environments; ++i) {
    RandomStream seeds(config.system.seed, StreamPurpose::kLayout, static_cast<std::uint32_t>(i));
    records.push_back(
        record_steps(config, workload.size, workload.steps / workload.environments, seeds));
  }
  return records;
}

void write_workload(const std::string& path, const BenchWorkload& workload, const Config& config) {
  SafetensorsFile file;
  file.metadata = {{"environments", std::to_string(workload.environments)},
                   {"steps", std::to_string(workload.steps)},
                   {"epochs", std::to_string(workload.epochs)},
                   {"minibatch", std::to_string(workload.minibatch)}};
  add_pictures(record_workload(workload, config, ObservationKind::kImage), file);
  if (has_own_section(config) && config.model.picture.frames == 1) {
    add_graphs(record_workload(workload, config, ObservationKind::kGraph), file.tensors);
  }
  write_safetensors(path, file);
}

}  // namespace frost
