#include "rl/network_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/errors.h"

namespace frost {
namespace {

/// What the network has to know of what the environment shows.
struct FitObservation {
  ActorCriticConfig& model;

  void operator()(const GraphSpec& graph) const {
    model.observation = ObservationKind::kGraph;
    model.encoder.node_features = graph.node_features;
    model.encoder.graph_features = graph.graph_features;
    model.encoder.edge_features = graph.edge_features;
  }
  void operator()(const PictureSpec& picture) const {
    model.observation = ObservationKind::kImage;
    if (picture.height < 1 || picture.width < 1 || picture.frames < 1 || picture.values < 0 ||
        (picture.channels != 1 && picture.channels != 3)) {
      fail("model", fmt::format("{} pictures of {}x{}x{} and {} values: the network takes pictures "
                                "of 1 or 3 channels",
                                picture.frames, picture.height, picture.width, picture.channels,
                                picture.values));
    }
    model.picture.height = picture.height;
    model.picture.width = picture.width;
    model.picture.channels = picture.channels;
    model.picture.frames = picture.frames;
    model.picture.values = picture.values;
  }
  void operator()(const VectorSpec& vector) const {
    model.observation = ObservationKind::kVector;
    model.vector_size = vector.size;
  }
};

}  // namespace

ActorCriticConfig fit_to_environment(ActorCriticConfig model, const EnvironmentSpec& spec) {
  model.rows = spec.actions.rows;
  model.choices = spec.actions.choices;
  model.continuous_dims = spec.actions.dims();
  model.continuous_heads = std::max(spec.actions.dims(), spec.continuous_heads);
  model.value_components = static_cast<int>(spec.reward_names.size());
  std::visit(FitObservation{model}, spec.observation);
  return model;
}

}  // namespace frost
