#include "fuzz/checkpoint_target.h"

#include <memory>
#include <vector>

#include "fuzz/expect.h"
#include "fuzz/targets.h"
#include "kernels/backend_registry.h"
#include "models/policies/graph_actor_critic.h"
#include "rl/envs/durotaxis/durotaxis.h"
#include "rl/ppo/ppo.h"

namespace frost::fuzz {
namespace {

constexpr std::uint64_t kSeed = 1;

std::vector<ParamGroup> two_small_parameters() {
  ParamGroup group{"group", 1e-3, {}};
  for (const char* name : {"a", "b"}) {
    Tensor tensor = Tensor::zeros(cpu_backend(), {3, 2}, MemoryTag::kParameters);
    tensor.set_requires_grad(true);
    group.parameters.push_back({name, tensor});
  }
  return {group};
}

DurotaxisConfig small_colony() {
  DurotaxisConfig config;
  config.max_critical_nodes = 48;
  config.threshold_critical_nodes = 64;
  return config;
}

PpoConfig small_training() {
  PpoConfig config;
  config.num_envs = 2;
  config.rollout_steps = 4;
  return config;
}

ActorCriticConfig frozen_network() {
  ActorCriticConfig config;
  config.value_components = 6;
  config.backbone.freeze_mode = "all";
  return config;
}

/// Everything a checkpoint restores apart from the network.
struct Subject {
  GraphActorCritic network{cpu_backend(), frozen_network()};
  Adam optimizer{two_small_parameters()};
  VectorEnvironment environments{[] { return std::make_unique<Durotaxis>(small_colony()); }, 2,
                                 kSeed};
  Ppo ppo{network, optimizer, environments, small_training(), kSeed};

  StateDict save() const {
    StateDict state;
    optimizer.save(state);
    environments.save(state);
    ppo.save(state);
    return state;
  }
};

Subject& subject() {
  static Subject instance;
  return instance;
}

/// What some policy might have done in the state; the time limit cuts every episode.
Transition example_transition(const Observation& observation) {
  const auto cells = static_cast<std::size_t>(std::get<GraphObservation>(observation).num_nodes());
  const std::size_t components = subject().environments.spec().reward_names.size();
  Transition t;
  t.observation = t.outcome.final_observation = observation;
  t.policy.action.decisions.assign(cells, kSpawnCell);
  t.policy.logp.assign(cells, -0.7f);
  t.policy.values.assign(components, 0.5f);
  t.outcome.result.reward.assign(components, 1.0);
  t.outcome.result.truncated = true;
  t.returns.assign(components, 2.0);
  return t;
}

}  // namespace

SafetensorsFile example_checkpoint() {
  return {subject().save(), {{"format", "frostline.checkpoint.2"}}};
}

SafetensorsFile example_unfinished_checkpoint() {
  SafetensorsFile file = example_checkpoint();
  UnfinishedUpdate update(2, 2, 1);
  while (!update.rollout.full()) {
    std::vector<Transition> transitions;
    for (const Observation* o : subject().environments.observations()) {
      transitions.push_back(example_transition(*o));
    }
    update.rollout.add(std::move(transitions), {}, 0);
  }
  update.learning.emplace();
  update.learning->set_samples(update.rollout.size());
  update.learning->next = 2;
  update.learning->epochs = update.learning->sums.minibatches = 1;
  update.learning->sums.group_norms = {0.5};
  update.learning->collected.mean_reward.assign(update.rollout.flat()[0]->returns.size(), 1.0);
  save_unfinished(update, {{.environment = 1, .steps = 2, .episode_return = 2.0}}, alone(),
                  file.tensors);
  return file;
}

bool read_checkpoint(Input input) {
  return value_or_one_line([&] {
    const SharedBytes image = std::vector<std::byte>(input.begin(), input.end());
    const StateDict state = parse_safetensors(image, "input").tensors;
    subject().optimizer.load(state);
    subject().ppo.load(state);
    subject().environments.load(state);
    if (subject().save().size() > state.size()) throw Finding("more saved than was loaded");

    std::vector<Action> actions;
    for (const Observation* observation : subject().environments.observations()) {
      const int cells = std::get<GraphObservation>(*observation).num_nodes();
      actions.push_back(
          {std::vector<std::int32_t>(static_cast<std::size_t>(cells), kSpawnCell), {}});
    }
    subject().environments.step(actions);
    subject().environments.take_finished();
  });
}

}  // namespace frost::fuzz
