#include "tools/lab/bench_workload.h"

#include <fmt/format.h>

#include "engine/random.h"
#include "tools/config/environments.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

template <class T>
void append(std::vector<T>& all, const std::vector<T>& part) {
  all.insert(all.end(), part.begin(), part.end());
}

/// All steps as flat columns.
struct Columns {
  std::vector<std::int32_t> node_offsets{0}, edge_offsets{0}, edge_source, edge_target;
  std::vector<float> node_features, graph_features, edge_features, rewards;
  std::vector<std::uint8_t> action_mask, images, done;

  void add(const RecordedStep& graph, const RecordedStep& image) {
    const auto& g = std::get<GraphObservation>(graph.observation);
    node_offsets.push_back(node_offsets.back() + g.num_nodes());
    edge_offsets.push_back(edge_offsets.back() + g.num_edges());
    append(edge_source, g.edge_source);
    append(edge_target, g.edge_target);
    append(node_features, g.node_features);
    append(graph_features, g.graph_features);
    append(edge_features, g.edge_features);
    append(action_mask, g.action_mask);
    append(images, std::get<PictureObservation>(image.observation).pixels);
    for (const double r : graph.result.reward) rewards.push_back(static_cast<float>(r));
    done.push_back(graph.result.done());
  }
};

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
  if (has_own_section(config)) return "";
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
  const auto graphs = record_workload(workload, config, ObservationKind::kGraph);
  const auto images = record_workload(workload, config, ObservationKind::kImage);
  Columns all;
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    for (std::size_t t = 0; t < graphs[i].steps.size(); ++t) {
      all.add(graphs[i].steps[t], images[i].steps[t]);
    }
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
  const auto& graph = std::get<GraphSpec>(graphs[0].spec.observation);
  t["node_features"] = HostTensor::from_floats({nodes, graph.node_features}, all.node_features);
  t["graph_features"] = HostTensor::from_floats({states, graph.graph_features}, all.graph_features);
  t["edge_features"] = HostTensor::from_floats({edges, graph.edge_features}, all.edge_features);
  t["action_mask"] = HostTensor::from_bytes({nodes, 2}, all.action_mask);
  t["images"] = HostTensor::from_bytes({states, side, side}, all.images);
  t["rewards"] = HostTensor::from_floats(
      {states, static_cast<std::int64_t>(graphs[0].spec.reward_names.size())}, all.rewards);
  t["done"] = HostTensor::from_bytes({states}, all.done);
  file.metadata = {{"environments", std::to_string(workload.environments)},
                   {"steps", std::to_string(workload.steps)},
                   {"epochs", std::to_string(workload.epochs)},
                   {"minibatch", std::to_string(workload.minibatch)}};
  write_safetensors(path, file);
}

}  // namespace frost
