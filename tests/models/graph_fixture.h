#pragma once

#include <string>
#include <vector>

#include "models/backbone_network.h"
#include "models/graph_batch.h"
#include "tests/golden/closed_form.h"

namespace frost {

/// A colony of `nodes` cells on a path 0 -> 1 -> ... with a side branch, and closed-form features
/// that depend on `seed` alone.
inline GraphObservation graph_observation(int nodes, const std::string& seed) {
  GraphObservation o;
  const auto count = static_cast<std::size_t>(nodes);
  o.node_features =
      closed_form_values(seed + ".node", count * GraphObservation::kNodeFeatures, 1.0);
  o.graph_features = closed_form_values(seed + ".graph", GraphObservation::kGraphFeatures, 1.0);
  for (std::int32_t i = 0; i + 1 < nodes; ++i) {
    o.edge_source.push_back(i);
    o.edge_target.push_back(i + 1);
  }
  if (nodes > 3) {
    o.edge_source.push_back(0);
    o.edge_target.push_back(3);
  }
  o.edge_features = closed_form_values(seed + ".edge",
                                       o.edge_source.size() * GraphObservation::kEdgeFeatures, 1.0);
  o.action_mask.assign(2 * count, 1);
  return o;
}

inline GraphBatch batch_of(
    Backend& backend, const std::vector<GraphObservation>& observations,
    EncoderConfig::TokenConnectivity connectivity = EncoderConfig::TokenConnectivity::kBoth) {
  std::vector<const GraphObservation*> pointers;
  for (const GraphObservation& o : observations) pointers.push_back(&o);
  return make_graph_batch(backend, pointers, connectivity);
}

/// The same as a network reads it.
inline StateBatch states_of(const BackboneNetwork& network,
                            const std::vector<GraphObservation>& graphs) {
  const std::vector<Observation> observations(graphs.begin(), graphs.end());
  std::vector<const Observation*> pointers;
  for (const Observation& o : observations) pointers.push_back(&o);
  return network.make_batch(pointers);
}

/// Weights everywhere, without the time that drawing 22 million random numbers takes.
inline void fill_closed_form(BackboneNetwork& network) {
  for (NamedTensor& p : network.parameters()) {
    if (p.name.find(".body.") != std::string::npos) continue;
    p.tensor.copy_from_host(closed_form_tensor(p.name, p.tensor.shape()).to_floats(p.name));
  }
  network.load_bodies(closed_form_resnet18());
}

}  // namespace frost
