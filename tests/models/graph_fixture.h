#pragma once

#include <string>
#include <vector>

#include "models/policies/backbone_network.h"
#include "models/policies/graph_batch.h"
#include "tests/golden/closed_form_resnet.h"

namespace frost {

/// A graph of `nodes` nodes on a path 0 -> 1 -> ... with a side branch, and closed-form features
/// that depend on `seed` alone.
inline GraphObservation graph_observation(int nodes, const std::string& seed) {
  GraphObservation o;
  const EncoderConfig widths;
  const auto values = [&](const char* kind, std::size_t rows, int width) {
    return closed_form_values(seed + kind, rows * static_cast<std::size_t>(width), 1.0);
  };
  const auto count = static_cast<std::size_t>(nodes);
  o.node_width = widths.node_features;
  o.node_features = values(".node", count, widths.node_features);
  o.graph_features = values(".graph", 1, widths.graph_features);
  for (std::int32_t i = 0; i + 1 < nodes; ++i) {
    o.edge_source.push_back(i);
    o.edge_target.push_back(i + 1);
  }
  if (nodes > 3) {
    o.edge_source.push_back(0);
    o.edge_target.push_back(3);
  }
  o.edge_features = values(".edge", o.edge_source.size(), widths.edge_features);
  o.action_mask.assign(2 * count, 1);
  return o;
}

inline GraphBatch batch_of(
    Backend& backend, const std::vector<GraphObservation>& observations,
    EncoderConfig::TokenConnectivity connectivity = EncoderConfig::TokenConnectivity::kBoth) {
  std::vector<const GraphObservation*> pointers;
  for (const GraphObservation& o : observations) pointers.push_back(&o);
  EncoderConfig encoder;
  encoder.token_connectivity = connectivity;
  return make_graph_batch(backend, pointers, encoder);
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
  network.load_bodies(closed_form_resnet(18));
}

}  // namespace frost
