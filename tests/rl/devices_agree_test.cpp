#include <gtest/gtest.h>

#include <cmath>

#include "models/policies/policy_factory.h"
#include "rl/ppo/minibatch.h"
#include "tests/op_table/op_cases.h"
#include "tools/runs/trainer.h"

// One rollout, recorded on the CPU, is learned from on every device.
namespace frost {
namespace {

/// Spawning with continuous parameters, all layers trained, colonies of a few cells.
Config small_colonies() {
  return parse_config(
      "environment: {substrate_params: {m: 0.05}, init_num_nodes: 2, max_critical_nodes: 3}\n"
      "actor_critic: {pretrained_weights: random, backbone: {freeze_mode: none}}\n"
      "algorithm: {two_stage_curriculum: {stage: 2}}\n"
      "trainer: {num_envs: 2, rollout_steps: 4, minibatch_size: 4}\n"
      "system: {threads: 1, device: cpu}\n",
      "test", {});
}

struct Outcome {
  std::vector<double> losses;
  std::vector<std::pair<std::string, Reals>> gradients;  ///< of each parameter group
};

/// The losses of the whole rollout as one minibatch, and the gradients of their sum.
Outcome learn_from(Rollout& rollout, Trainer& recorder, Backend& backend) {
  const PpoConfig& ppo = recorder.config().ppo;
  const auto network = make_policy_network(backend, model_config(recorder.config()));
  network->load_state_dict(recorder.network().state_dict());
  const std::vector<Transition*> all = rollout.flat();
  const RunningNormalizer identity(static_cast<std::size_t>(network->value_components()));
  const Minibatch batch = make_minibatch(*network, rollout, {all.begin(), all.end()}, identity, ppo,
                                         recorder.environments().spec());
  const PolicyOutput out = network->forward(batch.states);
  LossParts losses = policy_losses(batch, out);
  losses.value = value_loss(out.values, batch.value);

  Outcome outcome;
  std::vector<std::pair<Tensor, Tensor>> roots;
  for (const Tensor& part : {losses.discrete, losses.continuous, losses.value}) {
    for (const float v : part.to_host()) outcome.losses.push_back(v);
    std::vector<float> weights(static_cast<std::size_t>(part.numel()));
    weights[0] = 1.0f;
    roots.emplace_back(part, Tensor::from_host(backend, part.shape(), weights));
  }
  const std::vector<ParamGroup> groups = network->param_groups();
  for (const ParamGroup& group : groups) {
    for (NamedTensor p : group.parameters) p.tensor.zero_grad();
  }
  backward(roots);
  for (const ParamGroup& group : groups) {
    Reals gradient;
    for (const NamedTensor& p : group.parameters) {
      for (const float v : p.tensor.grad().to_host()) gradient.push_back(v);
    }
    outcome.gradients.emplace_back(group.name, gradient);
  }
  return outcome;
}

/// A rollout of the recorder's own policy, with its advantages and returns.
void record(Rollout& rollout, Trainer& recorder) {
  recorder.ppo().collect(rollout);
  const RunningNormalizer identity(static_cast<std::size_t>(recorder.network().value_components()));
  const VectorEnvironment& environments = recorder.environments();
  rollout.set_estimates(
      estimate_advantages(rollout, recorder.network(), environments.observations(), identity,
                          environments.spec().reward_weights, recorder.config().ppo));
}

void expect_close(const Outcome& found, const Outcome& expected) {
  ASSERT_EQ(found.losses.size(), expected.losses.size());
  for (std::size_t i = 0; i < expected.losses.size(); ++i) {
    EXPECT_NEAR(found.losses[i], expected.losses[i], 1e-4 * (1e-2 + std::abs(expected.losses[i])))
        << "loss " << i;
  }
  ASSERT_EQ(found.gradients.size(), expected.gradients.size());
  for (std::size_t g = 0; g < expected.gradients.size(); ++g) {
    const auto& [group, gradient] = expected.gradients[g];
    EXPECT_GT(relative_error(gradient, Reals(gradient.size())), 0) << group << ": no gradient";
    EXPECT_LE(relative_error(found.gradients[g].second, gradient), 1e-4) << group;
  }
}

TEST(SameRollout, GivesTheLossesAndGradientsOfTheCpuOnEveryDevice) {
  Trainer recorder(small_colonies(), false);
  const PpoConfig& ppo = recorder.config().ppo;
  Rollout rollout(ppo.num_envs, ppo.rollout_steps / ppo.num_envs);
  record(rollout, recorder);
  const Outcome expected = learn_from(rollout, recorder, recorder.backend());
  for (Backend* backend : test_backends()) {
    SCOPED_TRACE(backend->description());
    expect_close(learn_from(rollout, recorder, *backend), expected);
  }
}

}  // namespace
}  // namespace frost
