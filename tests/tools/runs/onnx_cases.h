#pragma once

#include <memory>
#include <vector>

#include "kernels/backend_registry.h"
#include "models/policies/policy_factory.h"
#include "tests/tools/runs/onnx_model.h"
#include "tools/runs/checkpoint.h"
#include "tools/runs/trainer.h"

// Networks, states and their tensors, for the comparison with ONNX.
namespace frost::test {

constexpr std::int64_t kStates = 3;

/// A network with every tensor unlike its beginning.
inline std::unique_ptr<PolicyNetwork> make_network(const ActorCriticConfig& config) {
  auto network = make_policy_network(cpu_backend(), config);
  RandomStream random(5, StreamPurpose::kInit);
  network->initialize(random, true);
  for (NamedTensor& p : network->parameters()) {
    if (p.tensor.shape().size() == 4) continue;
    std::vector<float> values = p.tensor.to_host();
    for (float& v : values) v += 0.1f * random.normal();
    p.tensor.copy_from_host(values);
  }
  for (NamedTensor& b : network->buffers()) {
    std::vector<float> values = b.tensor.to_host();
    for (float& v : values) v += 0.5f * random.uniform();
    b.tensor.copy_from_host(values);
  }
  return network;
}

inline Checkpoint checkpoint_of(const PolicyNetwork& network) {
  Checkpoint checkpoint;
  checkpoint.path = "the.checkpoint";
  save_network(network, checkpoint.file.tensors);
  return checkpoint;
}

inline std::vector<Observation> observations_of(const ActorCriticConfig& config) {
  std::vector<Observation> all;
  RandomStream random(6, StreamPurpose::kInit);
  for (std::int64_t i = 0; i < kStates; ++i) {
    if (config.observation == ObservationKind::kVector) {
      VectorObservation vector;
      for (int k = 0; k < config.vector_size; ++k) vector.values.push_back(random.normal());
      all.emplace_back(vector);
    } else {
      const PictureInput& p = config.picture;
      PictureObservation image;
      for (int k = 0; k < p.frames * p.height * p.width * p.channels; ++k) {
        image.pixels.push_back(static_cast<std::uint8_t>(255 * random.uniform()));
      }
      for (int k = 0; k < p.values; ++k) image.values.push_back(random.normal());
      all.emplace_back(image);
    }
  }
  return all;
}

/// The observations as the model's inputs, by name.
inline StateDict model_inputs(const std::vector<Observation>& observations,
                              const ActorCriticConfig& config) {
  std::vector<float> floats;
  std::vector<std::uint8_t> bytes;
  for (const Observation& o : observations) {
    const auto* vector = std::get_if<VectorObservation>(&o);
    const std::vector<float>& values =
        vector != nullptr ? vector->values : std::get<PictureObservation>(o).values;
    floats.insert(floats.end(), values.begin(), values.end());
    if (vector != nullptr) continue;
    const auto& pixels = std::get<PictureObservation>(o).pixels;
    bytes.insert(bytes.end(), pixels.begin(), pixels.end());
  }
  if (bytes.empty()) {
    return {{"observation", HostTensor::from_floats({kStates, config.vector_size}, floats)}};
  }
  const PictureInput& p = config.picture;
  StateDict inputs{{"pictures", HostTensor::from_bytes(
                                    {kStates, p.frames, p.height, p.width, p.channels}, bytes)}};
  if (p.values > 0) inputs["values"] = HostTensor::from_floats({kStates, p.values}, floats);
  return inputs;
}

inline OnnxArray array_of(const HostTensor& tensor) {
  if (tensor.dtype == "F32") return {tensor.shape, tensor.to_floats("")};
  const std::vector<std::int64_t> values = tensor.to_int64("");
  return {tensor.shape, {values.begin(), values.end()}};
}

}  // namespace frost::test
