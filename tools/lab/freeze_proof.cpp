#include "tools/lab/freeze_proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>

#include "models/impala.h"
#include "models/policies/graph_actor_critic.h"
#include "models/policies/map_head.h"
#include "tools/reports/bytes_json.h"
#include "tools/reports/parameter_report.h"
#include "weights/resnet_names.h"
#include "weights/sha256.h"

namespace frost {
namespace {

std::string digest(const Tensor& tensor) {
  const std::vector<float> values = tensor.to_host();
  return sha256_hex(std::as_bytes(std::span(values)));
}

double norm(const Tensor& tensor) {
  double sum = 0;
  for (const float v : tensor.to_host()) sum += static_cast<double>(v) * v;
  return std::sqrt(sum);
}

constexpr std::int64_t linear_count(std::int64_t in, std::int64_t out) {
  return in * out + out;
}

std::int64_t encoder_count(const EncoderConfig& config) {
  const std::int64_t h = config.hidden_dim;
  const auto mlp = [&](std::int64_t in) {
    return linear_count(in, h) + 2 * h + linear_count(h, h);
  };
  std::int64_t count = mlp(config.graph_features) + mlp(config.edge_features) +
                       linear_count(config.node_features, h);
  for (int layer = 1; layer <= config.num_layers; ++layer) {
    const std::int64_t out = layer == config.num_layers ? config.out_dim : h;
    count += 4 * linear_count(h, out) + h * out + 2 * out;  // q, k, v, skip; edge; norm
  }
  return count;
}

/// What the trunk of a body of `architecture` reads, and its `MapHead` before it.
std::int64_t trunk_count(const ActorCriticConfig& config, const std::string& architecture) {
  const ResNetSpec& body = resnet_spec(resnet_depth(architecture));
  const int stage = resnet_tap_stage(config.backbone.tap);
  const bool pooled = config.backbone.tap_head == "pool";
  const std::int64_t channels = body.channels(stage);
  const PictureInput& picture = config.picture;
  const int behind = body.unit_of(stage + 1, 0);
  const std::int64_t width = pooled ? channels
                                    : body.side_at(behind, picture.height) *
                                          body.side_at(behind, picture.width) * MapHead::kChannels;
  const bool pictures = config.observation == ObservationKind::kImage;
  const std::int64_t seen = pictures ? width * picture.frames + picture.values : width;
  return linear_count(seen, config.hidden_dim) + 2 * config.hidden_dim +
         (pooled ? 0 : linear_count(channels, MapHead::kChannels));
}

/// The last layers of an actor and a critic of pictures, both behind `hidden` numbers.
std::int64_t picture_heads_count(const ActorCriticConfig& config, std::int64_t hidden) {
  const std::int64_t choices = std::int64_t{config.rows} * config.choices;
  const std::int64_t values = std::int64_t{config.rows} * config.continuous_heads;
  return (choices > 0 ? linear_count(hidden, choices) : 0) +
         (values > 0 ? 2 * linear_count(hidden, values) : 0) +
         linear_count(hidden, config.value_components);
}

std::int64_t heads_count(const ActorCriticConfig& config) {
  const std::int64_t token = config.encoder.out_dim, hidden = config.hidden_dim;
  const std::int64_t trunks = trunk_count(config, config.backbone.architecture) +
                              trunk_count(config, config.backbone.critic());
  if (config.observation == ObservationKind::kImage) {
    return trunks + picture_heads_count(config, hidden);
  }
  return trunks + linear_count(2 * token, GraphActorCritic::kTokenPixels) +
         linear_count(hidden, config.choices) + 2 * linear_count(hidden, config.continuous_heads) +
         config.choices + linear_count(token, GraphActorCritic::kTokenPixels) +
         linear_count(hidden, config.value_components);
}

ExpectedCounts impala_counts(const ActorCriticConfig& config) {
  const PictureInput& picture = config.picture;
  ExpectedCounts counts;
  std::int64_t in = std::int64_t{picture.frames} * picture.channels;
  std::int64_t height = picture.height, width = picture.width;
  for (const std::int64_t out : {16, 32, 32}) {
    counts.actor.parameters += linear_count(9 * in, out) + 4 * linear_count(9 * out, out);
    in = out;
    height = (height + 1) / 2;
    width = (width + 1) / 2;
  }
  counts.actor.parameters += linear_count(height * width * in, Impala::kFeatures);
  counts.actor.trainable = counts.actor.parameters;
  counts.heads = picture_heads_count(config, Impala::kFeatures + picture.values);
  return counts;
}

/// Whether the bodies reach as far as "layer3".
bool has_stage(const BackboneConfig& config, const std::string& stage) {
  return !stage.starts_with("layer") || stage.back() - '0' <= resnet_tap_stage(config.tap);
}

ExpectedCounts::Body body_counts(const BackboneConfig& config, const std::string& architecture) {
  const int depth = resnet_depth(architecture);
  const FreezeMode& mode = find_freeze_mode(config.freeze_mode, depth);
  ExpectedCounts::Body counts;
  for (const TensorSpec& spec : resnet_tensors(depth)) {
    if (spec.stage() == "fc" || !has_stage(config, spec.stage())) continue;
    std::int64_t n = numel(spec.shape);
    if (spec.name == "conv1.weight" && config.input_adapter == "1ch_conv") n /= 3;
    if (!spec.is_parameter()) {
      counts.statistics += n;
      continue;
    }
    counts.parameters += n;
    if (mode.trains(spec.name)) counts.trainable += n;
  }
  return counts;
}

std::vector<NamedTensor> frozen_parameters(const PolicyNetwork& network) {
  std::vector<NamedTensor> frozen = network.parameters();
  std::erase_if(frozen, [](const NamedTensor& p) { return p.tensor.requires_grad(); });
  return frozen;
}

}  // namespace

ExpectedCounts expected_counts(const ActorCriticConfig& config) {
  const bool graph = config.observation == ObservationKind::kGraph;
  if (!graph && config.body == "impala") return impala_counts(config);
  ExpectedCounts counts;
  counts.actor = body_counts(config.backbone, config.backbone.architecture);
  counts.critic = body_counts(config.backbone, config.backbone.critic());
  counts.heads = heads_count(config);
  if (graph) counts.encoder = encoder_count(config.encoder);
  return counts;
}

TrainingBytes training_bytes(const PolicyNetwork& network) {
  const std::int64_t trainable = count_parameters(network).trainable;
  const MemoryLedger::Bytes bytes = network.backend().ledger().snapshot();
  return {4 * trainable, bytes.live_of(MemoryTag::kGradients), 8 * trainable,
          bytes.live_of(MemoryTag::kOptimizer)};
}

std::int64_t frozen_body_saved_bytes(const ResNetSpec& spec, std::int64_t side) {
  std::int64_t signs = 0;
  for (int unit = 0; unit < spec.units(); ++unit) {
    std::int64_t at = spec.side_at(unit, side);
    for (const ResNetConv& conv : spec.convs(unit)) {
      if (conv.shortcut) continue;  // no ReLU of its own
      at = conv.side_after(at);
      signs += at * at * conv.out;
    }
  }
  const std::int64_t pooled = spec.side_at(1, side);
  return signs / 8 + pooled * pooled * spec.channels(0);
}

double saved_body_bytes(const BackboneNetwork& network, ResNet& body) {
  constexpr std::int64_t kImages = 32;
  Backend& backend = network.backend();
  const Shape image = network.body_input();
  Tensor images = Tensor::zeros(backend, {kImages, image[0], image[1], image[2]});
  images.set_requires_grad(network.trains_below_bodies());
  const std::int64_t before = backend.ledger().snapshot().live_of(MemoryTag::kSaved);
  const Tensor pooled = body.forward(images);
  const std::int64_t after = backend.ledger().snapshot().live_of(MemoryTag::kSaved);
  return static_cast<double>(after - before) / kImages;
}

FreezeProof::FreezeProof(PolicyNetwork& network, const Adam& optimizer)
    : network_(network), bodies_(find_backbone(network)), optimizer_(optimizer) {
  for (const NamedTensor& p : network_.parameters()) digests_[p.name] = digest(p.tensor);
  for (const NamedTensor& b : network_.buffers()) digests_[b.name] = digest(b.tensor);
}

std::vector<Claim> FreezeProof::verify() const {
  std::vector<Claim> claims = {
      counts_as_expected(),
      unchanged("every frozen tensor is bit-identical", frozen_parameters(network_)),
      unchanged("every running statistic is bit-identical", network_.buffers()),
      no_gradient_when_frozen()};
  const bool below = bodies_ != nullptr && bodies_->trains_below_bodies();
  const std::vector<std::string> receivers =
      bodies_ == nullptr ? std::vector<std::string>{"body.", "actor.", "critic."}
      : below ? std::vector<std::string>{"encoder.", "actor.feature_proj.", "critic.feature_proj."}
              : std::vector<std::string>{"actor.trunk.", "critic.trunk."};
  for (const std::string& prefix : receivers) claims.push_back(gradient_arrives(prefix));
  const TrainingBytes bytes = training_bytes(network_);
  claims.push_back({"gradients take 4 bytes per trainable parameter",
                    fmt::format("{} of {}", with_thousands(bytes.gradients),
                                with_thousands(bytes.gradients_expected)),
                    bytes.gradients == bytes.gradients_expected});
  claims.push_back({"the optimizer takes 8 bytes per trainable parameter",
                    fmt::format("{} of {}", with_thousands(bytes.optimizer),
                                with_thousands(bytes.optimizer_expected)),
                    bytes.optimizer == bytes.optimizer_expected});
  for (const ParamGroup& group : optimizer_.groups()) claims.push_back(moved(group));
  if (bodies_ != nullptr) {
    for (Claim& claim : verify_bodies()) claims.push_back(std::move(claim));
  }
  return claims;
}

std::vector<Claim> FreezeProof::verify_bodies() const {
  std::vector<Claim> claims;
  const ExpectedCounts expected = expected_counts(network_.config());
  if (bodies_->trains_below_bodies() && expected.actor.trainable + expected.critic.trainable == 0) {
    double saved = 0;
    std::int64_t most = 0;
    for (ResNet* body : {&bodies_->actor_body(), &bodies_->critic_body()}) {
      saved += saved_body_bytes(*bodies_, *body) / 2;
      most += frozen_body_saved_bytes(body->spec(), bodies_->body_input()[0]);
    }
    most /= 2;
    claims.push_back({"a frozen body keeps at most 1 bit per ReLU and 1 byte per max-pool output",
                      fmt::format("{:.0f} of {} bytes per token", saved, most),
                      saved <= static_cast<double>(most)});
  }
  if (bodies_->prefix() != nullptr && bodies_->prefix()->units() > 0) {
    claims.push_back(kept_features_equal_recomputed());
  }
  return claims;
}

Claim FreezeProof::counts_as_expected() const {
  const ExpectedCounts expected = expected_counts(network_.config());
  const ParameterCounts found = count_parameters(network_);
  return {"parameter counts follow from the architecture and the freeze mode",
          fmt::format("total {} of {}, trainable {} of {}", with_thousands(found.total),
                      with_thousands(expected.total()), with_thousands(found.trainable),
                      with_thousands(expected.trainable())),
          found.total == expected.total() && found.trainable == expected.trainable() &&
              found.actor_body == expected.actor.parameters &&
              found.critic_body == expected.critic.parameters};
}

Claim FreezeProof::unchanged(const char* statement, const std::vector<NamedTensor>& tensors) const {
  std::vector<std::string> changed;
  for (const NamedTensor& t : tensors) {
    if (digests_.at(t.name) != digest(t.tensor)) changed.push_back(t.name);
  }
  if (changed.empty()) {
    return {statement,
            fmt::format("{} tensors, {} values", tensors.size(),
                        with_thousands(count_parameters(tensors, false))),
            true};
  }
  return {statement, fmt::format("{} changed, first {}", changed.size(), changed[0]), false};
}

Claim FreezeProof::gradient_arrives(const std::string& prefix) const {
  double squares = 0;
  for (const NamedTensor& p : network_.parameters()) {
    const Tensor grad = p.name.starts_with(prefix) ? p.tensor.grad() : Tensor();
    if (grad.defined()) squares += norm(grad) * norm(grad);
  }
  const bool through = bodies_ != nullptr && bodies_->trains_below_bodies();
  return {(through ? "gradient flows through the body to " : "gradient flows to ") +
              prefix.substr(0, prefix.size() - 1),
          fmt::format("norm {:.3g}", std::sqrt(squares)), squares > 0};
}

Claim FreezeProof::no_gradient_when_frozen() const {
  const std::vector<NamedTensor> frozen = frozen_parameters(network_);
  const auto with_gradient = std::find_if(
      frozen.begin(), frozen.end(), [](const NamedTensor& p) { return p.tensor.grad().defined(); });
  const bool none = with_gradient == frozen.end();
  return {"no frozen tensor has a gradient",
          none ? fmt::format("{} tensors", frozen.size()) : with_gradient->name, none};
}

Claim FreezeProof::kept_features_equal_recomputed() const {
  constexpr std::size_t kPictures = 9;  // more than a chunk
  FrozenPrefix& prefix = *bodies_->prefix();
  const auto size = static_cast<std::size_t>(numel(bodies_->body_input()));
  std::vector<std::uint8_t> pictures;
  for (std::size_t i = 0; i < kPictures; ++i) {
    for (std::size_t p = 0; p < size; ++p) {
      pictures.push_back(static_cast<std::uint8_t>(p * p + 31 * i));
    }
  }
  const auto features = [&](std::size_t begin, std::size_t end) {
    const std::span<const std::uint8_t> some =
        std::span(pictures).subspan(begin * size, (end - begin) * size);
    return prefix.run(Tensor::from_host(network_.backend(), some)).to_host();
  };
  const std::vector<float> together = features(0, kPictures);
  std::vector<float> apart = features(0, 2);
  const std::vector<float> rest = features(2, kPictures);
  apart.insert(apart.end(), rest.begin(), rest.end());
  const bool equal = std::equal(together.begin(), together.end(), apart.begin(), apart.end());
  return {"features of the frozen prefix do not depend on the batch, to the bit",
          fmt::format("{} units, {} pictures of {} floats", prefix.units(), kPictures,
                      together.size() / kPictures),
          equal};
}

Claim FreezeProof::moved(const ParamGroup& group) const {
  const auto count =
      std::count_if(group.parameters.begin(), group.parameters.end(),
                    [&](const NamedTensor& p) { return digests_.at(p.name) != digest(p.tensor); });
  return {"group " + group.name + " moved",
          fmt::format("{} of {} tensors", count, group.parameters.size()), count > 0};
}

std::string freeze_proof_json(PolicyNetwork& network, const Adam& optimizer,
                              const MemoryLedger::Bytes& predicted,
                              const MemoryLedger::Bytes& bytes, const std::vector<Claim>& claims) {
  const ParameterCounts c = count_parameters(network);
  const ExpectedCounts expected = expected_counts(network.config());
  nlohmann::ordered_json json;
  BackboneNetwork* bodies = find_backbone(network);
  const BackboneConfig& backbone = network.config().backbone;
  json["body"] = network.config().body;
  if (bodies != nullptr) {
    json["architecture"] = backbone.architecture;
    json["critic_architecture"] = backbone.critic();
    json["freeze_mode"] = bodies->freeze_mode().name;
    json["input_adapter"] = backbone.input_adapter;
  }
  json["counts"] = {{"total", c.total},
                    {"trainable", c.trainable},
                    {"frozen", c.frozen()},
                    {"actor_body", c.actor_body},
                    {"critic_body", c.critic_body},
                    {"encoder", c.encoder},
                    {"expected_total", expected.total()},
                    {"expected_trainable", expected.trainable()}};
  json["groups"] = nlohmann::ordered_json::array();
  for (const ParamGroup& group : optimizer.groups()) {
    json["groups"].push_back(
        {{"name", group.name}, {"lr", group.lr}, {"parameters", group.count()}});
  }
  json["bytes"] = {{"predicted", bytes_json(predicted)}, {"measured", bytes_json(bytes)}};
  if (bodies != nullptr) {
    json["bytes"]["saved_body"] = saved_body_bytes(*bodies, bodies->actor_body());
  }
  json["claims"] = nlohmann::ordered_json::array();
  for (const Claim& claim : claims) {
    json["claims"].push_back(
        {{"claim", claim.statement}, {"finding", claim.finding}, {"holds", claim.holds}});
  }
  return json.dump(2) + "\n";
}

}  // namespace frost
