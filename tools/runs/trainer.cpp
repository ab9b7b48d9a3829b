#include "tools/runs/trainer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "kernels/parallel_for.h"
#include "models/policies/policy_factory.h"
#include "rl/communicator/state_exchange.h"
#include "rl/network_config.h"
#include "tools/config/config_text.h"
#include "tools/reports/parameter_report.h"
#include "tools/runs/checkpoint.h"
#include "tools/runs/library_digest.h"
#include "weights/preprocessing_record.h"
#include "weights/pretrained.h"

namespace frost {
namespace {

constexpr const char* kNetworkPrefix = "network.";

double parse_rate(const std::string& text) {
  double rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc() || end != text.data() + text.size() || !(rate > 0)) {
    throw Error("checkpoint has the backbone learning rate '" + text + "'");
  }
  return rate;
}

MathMode math_mode(const std::string& precision) {
  for (const MathMode math : {MathMode::kFp32, MathMode::kTf32, MathMode::kBf16}) {
    if (precision == to_string(math)) return math;
  }
  throw UsageError("unknown precision '" + precision + "': use fp32, tf32 or bf16");
}

void set_preprocessing(NetworkSetup& setup, const Preprocessing& preprocessing) {
  setup.preprocessing = preprocessing;
  if (BackboneNetwork* backbone = find_backbone(*setup.network)) {
    backbone->set_preprocessing(preprocessing);
  }
}

/// Throws UsageError where the configuration insists on another normalisation than the weights'.
void require_configured(const Preprocessing& preprocessing, const std::string& configured,
                        const std::string& path) {
  const Preprocessing torchvision;
  if (configured != "torchvision" || (preprocessing.mean == torchvision.mean &&
                                      preprocessing.deviation == torchvision.deviation)) {
    return;
  }
  throw UsageError(fmt::format(
      "actor_critic.preprocessing is torchvision (mean {}, deviation {}), but the weights {} "
      "were trained with mean {}, deviation {}: set it to weights, or take other weights",
      fmt::join(torchvision.mean, " "), fmt::join(torchvision.deviation, " "), path,
      fmt::join(preprocessing.mean, " "), fmt::join(preprocessing.deviation, " ")));
}

std::string origin_of(const PretrainedWeights& weights) {
  return fmt::format("{} ({}; sha256 {})", weights.path.string(),
                     weights.source.empty() ? "source not stated" : weights.source, weights.sha256);
}

/// The critic's own weights; nothing where it has the actor's.
std::optional<PretrainedWeights> find_critic_weights(const BackboneConfig& config) {
  if (config.critic() == config.architecture && config.critic_weights_path.empty()) return {};
  return find_pretrained_weights(config.critic_weights_path, config.critic());
}

/// "actor: A; critic: B", or what there is of both.
std::string of_both(const std::string& actor, const std::string& critic) {
  if (actor == critic || critic.empty()) return actor;
  if (actor.empty()) return "critic: " + critic;
  return fmt::format("actor: {}; critic: {}", actor, critic);
}

/// The bodies see one picture, so their weights have to want it alike.
void require_one_preprocessing(const PretrainedWeights& actor, const PretrainedWeights& critic) {
  if (actor.preprocessing == critic.preprocessing) return;
  throw UsageError(
      fmt::format("the weights {} and {} were trained on pictures of different mean, "
                  "deviation or order of channels ({}; {}), and actor and critic see "
                  "the same: take weights that agree (actor_critic.weights_path, "
                  "actor_critic.critic_weights_path)",
                  actor.path.string(), critic.path.string(), to_string(actor.preprocessing),
                  to_string(critic.preprocessing)));
}

void load_pretrained(NetworkSetup& setup, BackboneNetwork& backbone, const BackboneConfig& config) {
  const PretrainedWeights actor = find_pretrained_weights(config.weights_path, config.architecture);
  const std::optional<PretrainedWeights> own = find_critic_weights(config);
  const PretrainedWeights& critic = own ? *own : actor;
  for (const PretrainedWeights* weights : {&actor, &critic}) {
    require_configured(weights->preprocessing, config.preprocessing, weights->path.string());
  }
  if (backbone.prefix() != nullptr) require_one_preprocessing(actor, critic);
  backbone.load_bodies(actor.mapping.tensors, critic.mapping.tensors);
  set_preprocessing(setup, actor.preprocessing);
  setup.mapping = of_both(mapping_summary(actor), own ? mapping_summary(critic) : "");
  setup.licence = of_both(actor.licence, critic.licence);
  setup.weights = of_both(origin_of(actor), origin_of(critic));
}

}  // namespace

ActorCriticConfig model_config(const Config& config) {
  return fit_to_environment(config.model, environment_spec(config));
}

void configure_for(const Config& config, Backend& backend) {
  set_thread_budget(config.system.threads);
  backend.configure({math_mode(config.system.precision), config.system.deterministic,
                     config.model.backbone.savings.dead_taps});
}

NetworkSetup build_network(const Config& config, bool pretrained) {
  NetworkSetup setup;
  std::string reason;
  set_thread_budget(config.system.threads);  // first: the device names it
  setup.backend = &select_backend(config.system.device, reason);
  configure_for(config, *setup.backend);
  setup.device = reason;
  if (setup.backend != &cpu_backend()) setup.device += "; host: " + thread_summary();
  setup.network = make_policy_network(*setup.backend, model_config(config));
  RandomStream random(config.system.seed, StreamPurpose::kInit);
  const bool random_bodies = config.model.backbone.pretrained_weights == "random";
  setup.network->initialize(random, random_bodies);
  BackboneNetwork* backbone = find_backbone(*setup.network);
  if (backbone == nullptr) return setup;
  if (random_bodies) {
    setup.weights = "RANDOM bodies (actor_critic.pretrained_weights: random)";
  } else if (pretrained) {
    load_pretrained(setup, *backbone, config.model.backbone);
  }
  return setup;
}

void save_network(const PolicyNetwork& network, StateDict& state) {
  state.merge(network.state_dict(kNetworkPrefix));
}

void load_network(NetworkSetup& setup, const SafetensorsFile& checkpoint) {
  setup.network->load_state_dict(checkpoint.tensors, true, kNetworkPrefix);
  set_preprocessing(setup, read_preprocessing(checkpoint.metadata, "checkpoint"));
}

Trainer::Trainer(const Config& config, bool resuming, Communicator& communicator)
    : communicator_(&communicator), config_(config) {
  const Shards checked(config.ppo.shards, communicator);
  setup_ = build_network(config, !resuming);
  share_network();
  AdamConfig adam;
  adam.epsilon = config_.ppo.adam_epsilon;
  adam.weight_decay = config_.ppo.weight_decay;
  optimizer_ = std::make_unique<Adam>(setup_.network->param_groups(), adam);
  const int share = config_.ppo.num_envs / communicator.size();
  environments_ = std::make_unique<VectorEnvironment>(
      environment_factory(config_), share, config_.system.seed, communicator.rank() * share);
  library_sha256_ = frost::library_sha256(config_);
  config_.ppo.record_minibatches = config_.system.cuda_graphs && backend().records();
  ppo_ = std::make_unique<Ppo>(*setup_.network, *optimizer_, *environments_, config_.ppo,
                               config_.system.seed, communicator);
}

void Trainer::share_network() {
  if (communicator_->size() == 1) return;
  StateDict state;
  save_network(*setup_.network, state);
  broadcast_state(*communicator_, state);
  setup_.network->load_state_dict(state, true, kNetworkPrefix);
}

void Trainer::enter_freeze_mode(const std::string& mode, double backbone_lr) {
  const int depth = backbone().actor_body().spec().depth;
  backbone().set_freeze_mode(find_freeze_mode(mode, depth), backbone_lr);
  optimizer_->set_groups(network().param_groups());
}

std::string Trainer::follow_freeze_schedule() {
  if (find_backbone(network()) == nullptr) return "";
  const BackboneConfig& configured = config_.model.backbone;
  FreezeStep now{0, configured.freeze_mode, configured.backbone_lr};
  for (const FreezeStep& step : configured.freeze_schedule) {
    if (step.update <= ppo_->updates()) now = step;
  }
  const std::string before = backbone().freeze_mode().name;
  if (now.freeze_mode == before && now.backbone_lr == backbone().config().backbone.backbone_lr) {
    return "";
  }
  const std::int64_t trainable = count_parameters(network().parameters(), true);
  const auto held = [this] {
    const MemoryLedger::Bytes bytes = backend().ledger().snapshot();
    return bytes.live_of(MemoryTag::kGradients) + bytes.live_of(MemoryTag::kOptimizer);
  };
  const std::int64_t bytes = held();
  enter_freeze_mode(now.freeze_mode, now.backbone_lr);
  return fmt::format(
      "freeze mode {} -> {} from update {} on: trainable {} -> {}, gradients and moments {} -> {} "
      "bytes, backbone lr {:g}",
      before, now.freeze_mode, ppo_->updates() + 1, with_thousands(trainable),
      with_thousands(count_parameters(network().parameters(), true)), with_thousands(bytes),
      with_thousands(held()), now.backbone_lr);
}

bool Trainer::evaluate_and_rank(EvaluationResult& result) {
  std::vector<double> own;
  if (communicator_->rank() == 0) {
    result = evaluate_policy(environment_factory(config_), network_policy(network(), false),
                             config_.run.eval_episodes, config_.run.eval_seed);
    own = {result.success_rate(), result.mean_progress(), result.mean_return()};
    if (!has_goal()) own = {result.mean_return(), 0, 0};
  }
  const Unhurried guard(*communicator_, config_.run.rank_timeout);
  const std::vector<double> of_first = gather_all(*communicator_, own);
  std::array<double, 3> score{};
  std::copy(of_first.begin(), of_first.end(), score.begin());
  if (!(score > best_)) return false;
  best_ = score;
  return true;
}

SafetensorsFile Trainer::checkpoint() const {
  SafetensorsFile file;
  save_network(*setup_.network, file.tensors);
  optimizer_->save(file.tensors);
  StateDict environments;
  environments_->save(environments);
  file.tensors.merge(gather_state(*communicator_, std::move(environments)));
  ppo_->save(file.tensors);
  file.tensors["trainer.best"] = HostTensor::from_doubles({best_.begin(), best_.end()});
  file.metadata = {{"format", kCheckpointFormat},
                   {"version", FROST_VERSION},
                   {"config", to_yaml(config_)},
                   {"updates", std::to_string(ppo_->updates())},
                   {"weights", setup_.weights}};
  if (!library_sha256_.empty()) file.metadata[kLibraryKey] = library_sha256_;
  if (const BackboneNetwork* backbone = find_backbone(*setup_.network)) {
    file.metadata["freeze_mode"] = backbone->freeze_mode().name;
    file.metadata["backbone_lr"] = fmt::format("{}", backbone->config().backbone.backbone_lr);
    write_preprocessing(setup_.preprocessing, file.metadata);
    if (!setup_.licence.empty()) file.metadata["licence"] = setup_.licence;
  }
  return file;
}

void Trainer::restore_freeze_mode(const SafetensorsFile& checkpoint) {
  // The groups of the checkpoint come before its moments; the schedule goes on from there.
  const auto mode = checkpoint.metadata.find("freeze_mode");
  const auto lr = checkpoint.metadata.find("backbone_lr");
  if (mode == checkpoint.metadata.end() || lr == checkpoint.metadata.end()) {
    throw Error("checkpoint does not say its freeze mode and backbone learning rate");
  }
  enter_freeze_mode(mode->second, parse_rate(lr->second));
}

void Trainer::restore(const SafetensorsFile& checkpoint) {
  // What the bodies began with stays what they began with.
  if (const auto weights = checkpoint.metadata.find("weights");
      weights != checkpoint.metadata.end()) {
    setup_.weights = weights->second;
  }
  if (const auto licence = checkpoint.metadata.find("licence");
      licence != checkpoint.metadata.end()) {
    setup_.licence = licence->second;
  }
  if (find_backbone(network()) != nullptr) restore_freeze_mode(checkpoint);
  load_network(setup_, checkpoint);
  optimizer_->load(checkpoint.tensors);
  environments_->load(checkpoint.tensors);
  ppo_->load(checkpoint.tensors);
  const std::vector<double> values =
      find_tensor(checkpoint.tensors, "trainer.best", "checkpoint").to_doubles("trainer.best");
  if (values.size() != best_.size()) {
    fail_damaged("trainer.best", fmt::format("{} numbers, not {}", values.size(), best_.size()));
  }
  std::copy(values.begin(), values.end(), best_.begin());
}

}  // namespace frost
