#include "tools/config/config_schema.h"

#include "kernels/errors.h"
#include "models/freeze.h"
#include "rl/envs/durotaxis/termination.h"
#include "rl/plugin/environment_library.h"
#include "tools/cli/home_path.h"
#include "tools/config/config_member.h"
#include "tools/config/config_network.h"
#include "tools/config/config_rewards.h"
#include "tools/config/config_rules.h"
#include "tools/config/config_schedule.h"
#include "tools/config/environments.h"
#include "tools/config/sections/config_appearance.h"
#include "tools/config/sections/config_gymnasium.h"

namespace frost {
namespace {

using Keys = std::vector<ConfigKey>;
const Interval kAny{};
const Interval kFraction = between(0, 1);

/// A name that is known, or the path of a library, which is kept in full: a run may be gone on with
/// from another folder.
ConfigKey environment_name_key() {
  ConfigKey key = choice(
      "environment.name", MEMBER(environment_name), configurable_environment_names(),
      "the colony, one of the reference environments (docs/reference.md), which observe a vector, "
      "one that is drawn (docs/pixels.md), one in Python (docs/gymnasium.md), or ./libmine.so, one "
      "of your own (docs/environments.md)");
  const std::string others =
      ", gymnasium:ID, envpool:ID, python:MODULE:CALLABLE, or the path of a library";
  key.type += others;
  key.set = [=, set_name = key.set](Config& config, const ConfigValue& value) {
    if (value.kind == ConfigValue::Kind::kScalar && is_python_environment(value.text)) {
      require_python_name(value.text);
      config.environment_name = value.text;
      return;
    }
    if (value.kind == ConfigValue::Kind::kScalar && names_library(value.text)) {
      const std::filesystem::path path = expand_home(value.text);
      config.environment_name = std::filesystem::absolute(path).lexically_normal().string();
      return;
    }
    try {
      set_name(config, value);
    } catch (const UsageError& error) {
      throw UsageError(error.what() + others);
    }
  };
  key.get = [get_name = key.get](Config& config) {
    const std::string& name = config.environment_name;
    return is_python_environment(name) || names_library(name) ? quoted_text(name)
                                                              : get_name(config);
  };
  return key;
}

ConfigKey environment_options_key() {
  return text_map("environment.options", MEMBER(environment_options),
                  "what such an environment may be told, as it says which")
      .only_with(KeyNeed::kLibrary);
}

Keys environment_keys() {
  using Kind = SubstrateConfig::Kind;
  return all_with(
      KeyNeed::kColony,
      {
          choice<Kind>("environment.substrate_type", MEMBER(environment.substrate.kind),
                       {{"linear", Kind::kLinear},
                        {"exponential", Kind::kExponential},
                        {"random", Kind::kRandom}},
                       "stiffness field; random draws one per episode"),
          number("environment.substrate_params.m", MEMBER(environment.substrate.m), at_least(0),
                 "slope (linear) or growth rate (exponential) per column"),
          number("environment.substrate_params.b", MEMBER(environment.substrate.b), above(0),
                 "stiffness at the left edge"),
          int_pair("environment.substrate_size", MEMBER(environment.substrate.width),
                   MEMBER(environment.substrate.height), at_least(8), "columns W and rows H"),
          number("environment.init_num_nodes", MEMBER(environment.init_num_nodes), at_least(1),
                 "cells at the start of an episode"),
          number("environment.max_critical_nodes", MEMBER(environment.max_critical_nodes),
                 at_least(1), "above this many cells, marking for deletion starts"),
          number("environment.threshold_critical_nodes",
                 MEMBER(environment.threshold_critical_nodes), at_least(2),
                 "above this many cells the episode ends"),
          number("environment.max_steps", MEMBER(environment.max_steps), at_least(1),
                 "time limit of an episode; reaching it is a truncation; left out, reference "
                 "environments have their own")
              .only_with(KeyNeed::kTimeLimit),
          number("environment.consecutive_left_moves_limit",
                 MEMBER(environment.consecutive_left_moves_limit), at_least(1),
                 "steps of leftward drift in a row that end the episode"),
          number("environment.delta_time", MEMBER(environment.delta_time), at_least(1),
                 "length of the history of states"),
          number("environment.min_nodes", MEMBER(environment.min_nodes), at_least(0),
                 "survivors a step must leave; 0: no rule"),
          number("environment.max_spawn_degree", MEMBER(environment.max_spawn_degree), at_least(0),
                 "a cell of this degree or above cannot spawn; 0: no rule"),
          choice<RootDelete>("environment.root_delete", MEMBER(environment.root_delete),
                             {{"split", RootDelete::kSplit},
                              {"promote_leftmost_child", RootDelete::kPromoteLeftmostChild}},
                             "children of a deleted root: all become roots, or the leftmost does"),
          flag("environment.spawn_acceptance", MEMBER(environment.spawn_acceptance),
               "refuse spawns that gain less than delta_intensity"),
          flag("environment.random_spawn_length", MEMBER(environment.random_spawn_length),
               "multiply the added length of a spawn by a standard normal"),
          flag("environment.empty_graph_recovery.enabled", MEMBER(environment.recovery.enabled),
               "a colony that lost its last cell starts again where it was"),
          number("environment.empty_graph_recovery.spawn_nodes",
                 MEMBER(environment.recovery.spawn_nodes), at_least(1), "cells it starts with"),
          number("environment.empty_graph_recovery.max_attempts",
                 MEMBER(environment.recovery.max_attempts), at_least(0), "times per episode"),
          number("environment.empty_graph_recovery.penalty", MEMBER(environment.recovery.penalty),
                 at_most(0), "reward of it, outside distance mode"),
          number("environment.empty_graph_recovery.position_noise",
                 MEMBER(environment.recovery.position_noise), at_least(0),
                 "half the radius of the new colony; at least 5"),
      });
}

Keys algorithm_keys() {
  return {
      number("algorithm.total_updates", MEMBER(ppo.total_updates), at_least(1),
             "length of the training; an update is one rollout and its epochs"),
      number("algorithm.total_steps", MEMBER(ppo.total_steps), between(0, 2e9),
             "the same in transitions, rounded up to whole updates; 0: total_updates counts"),
      number("algorithm.gamma", MEMBER(ppo.gamma), kFraction, "discount"),
      number("algorithm.gae_lambda", MEMBER(ppo.gae_lambda), kFraction,
             "generalised advantage estimation"),
      number("algorithm.clip_epsilon", MEMBER(ppo.clip_epsilon),
             {.low = 0, .high = 1, .open_low = true, .open_high = true},
             "clip range of the probability ratio"),
      choice<SurrogateRatio>(
          "algorithm.ratio", MEMBER(ppo.ratio),
          {{"per_node", SurrogateRatio::kPerNode},
           {"joint", SurrogateRatio::kJoint},
           {"mean_logp", SurrogateRatio::kMeanLogp}},
          "one ratio per cell, of the joint action, or of the mean log-probability"),
      choice<AdvantageKind>(
          "algorithm.advantage", MEMBER(ppo.advantage),
          {{"components", AdvantageKind::kComponents}, {"total", AdvantageKind::kTotal}},
          "weighted sum over reward components, or of the total reward alone")
          .only_with(KeyNeed::kComponents),
      choice<AdvantageNormalization>("algorithm.advantage_normalization",
                                     MEMBER(ppo.advantage_normalization),
                                     {{"batch", AdvantageNormalization::kBatch},
                                      {"minibatch", AdvantageNormalization::kMinibatch}},
                                     "what advantages are standardised over"),
      number("algorithm.value_loss_coeff", MEMBER(ppo.value_loss_coeff), at_least(0),
             "weight of the value loss"),
      number("algorithm.max_grad_norm", MEMBER(ppo.max_grad_norm), above(0),
             "limit of the norm of all gradients together"),
      flag("algorithm.enable_kl_early_stop", MEMBER(ppo.enable_kl_early_stop),
           "end the epochs of an update at target_kl"),
      number("algorithm.target_kl", MEMBER(ppo.target_kl), above(0), "that divergence")
          .only_with(KeyNeed::kEarlyStop),
      number("algorithm.adam_epsilon", MEMBER(ppo.adam_epsilon), above(0),
             "added to the root of Adam's second moment"),
      number("algorithm.weight_decay", MEMBER(ppo.weight_decay), at_least(0),
             "AdamW's, times the learning rate; 0: Adam"),
      lr_kind_key(
          "algorithm.lr_schedule.kind",
          "learning rates over the training; kl_adaptive: by the divergence of each update"),
      number("algorithm.lr_schedule.warmup_updates", MEMBER(ppo.lr_schedule.warmup_updates),
             at_least(0), "updates of linear rise at the start"),
      number("algorithm.lr_schedule.final_fraction", MEMBER(ppo.lr_schedule.final_fraction),
             kFraction, "of the base rate, reached at total_updates"),
      number(
          "algorithm.lr_schedule.target_kl", MEMBER(ppo.kl_adaptation.target), above(0),
          "kl_adaptive: above twice this mean divergence rates are divided by 1.5, below half of "
          "it multiplied")
          .only_with(KeyNeed::kAdaptiveRate),
      number("algorithm.lr_schedule.min_lr", MEMBER(ppo.kl_adaptation.min_lr), above(0),
             "kl_adaptive: lower bound of a rate")
          .only_with(KeyNeed::kAdaptiveRate),
      number("algorithm.lr_schedule.max_lr", MEMBER(ppo.kl_adaptation.max_lr), above(0),
             "kl_adaptive: upper bound of a rate")
          .only_with(KeyNeed::kAdaptiveRate),
      group_schedules_key("algorithm.lr_schedule.groups", MEMBER(ppo.group_schedules),
                          "groups with a schedule of their own: backbone, heads or encoder"),
      number("algorithm.two_stage_curriculum.stage", MEMBER(environment.spawn.stage), between(1, 2),
             "1: fixed spawn parameters; 2: the network's are executed and trained")
          .only_with(KeyNeed::kColony),
      number("algorithm.two_stage_curriculum.stage_1_fixed_spawn_params.gamma",
             MEMBER(environment.fixed_spawn.gamma), above(0), "largest length of a spawn")
          .only_with(KeyNeed::kColony),
      number("algorithm.two_stage_curriculum.stage_1_fixed_spawn_params.alpha",
             MEMBER(environment.fixed_spawn.alpha), above(0), "stiffness of half that length")
          .only_with(KeyNeed::kColony),
      number("algorithm.two_stage_curriculum.stage_1_fixed_spawn_params.noise",
             MEMBER(environment.fixed_spawn.noise), at_least(0), "added length")
          .only_with(KeyNeed::kColony),
      number("algorithm.two_stage_curriculum.stage_1_fixed_spawn_params.theta",
             MEMBER(environment.fixed_spawn.theta), between(-3.1416, 3.1416),
             "direction (rad), 0 is to the right")
          .only_with(KeyNeed::kColony),
  };
}

Keys gradient_scaling_keys() {
  const std::string group = "trainer.gradient_scaling.";
  return {
      flag(group + "enable_adaptive_scaling", MEMBER(ppo.scale_policy_losses),
           "weigh the two policy losses so that their gradients come near one norm, where both "
           "exist; takes two more passes per minibatch"),
      number(group + "gradient_norm_target", MEMBER(ppo.gradient_scaling.target_norm), above(0),
             "that norm"),
      number(group + "scaling_momentum", MEMBER(ppo.gradient_scaling.momentum),
             {.low = 0, .high = 1, .open_high = true}, "of the running norms"),
      number(group + "min_scaling_factor", MEMBER(ppo.gradient_scaling.min_factor), above(0),
             "smallest factor on a weight"),
      number(group + "max_scaling_factor", MEMBER(ppo.gradient_scaling.max_factor), above(0),
             "largest factor on a weight"),
      number(group + "warmup_steps", MEMBER(ppo.gradient_scaling.warmup_calls), at_least(0),
             "minibatches until the weights move"),
  };
}

Keys trainer_keys() {
  Keys keys{
      number("trainer.num_envs", MEMBER(ppo.num_envs), at_least(1), "environments side by side"),
      number("trainer.rollout_steps", MEMBER(ppo.rollout_steps), at_least(1),
             "transitions per update over all environments; divisible by num_envs"),
      number("trainer.update_epochs", MEMBER(ppo.update_epochs), at_least(1),
             "passes over a rollout"),
      number("trainer.minibatch_size", MEMBER(ppo.minibatch_size), at_least(1),
             "states per optimizer step"),
      number(
          "trainer.shards", MEMBER(ppo.shards), at_least(1),
          "parts in which environments and minibatches are computed, at least one per process: a "
          "power of two (docs/scaling.md); bits depend on it, and not on the processes"),
      number("trainer.policy_loss_weights.discrete_weight", MEMBER(ppo.discrete_weight),
             at_least(0), "of the decisions in the policy loss")
          .only_with(KeyNeed::kChoices),
      number("trainer.policy_loss_weights.continuous_weight", MEMBER(ppo.continuous_weight),
             at_least(0), "of the continuous part in the policy loss")
          .only_with(KeyNeed::kContinuous),
      flag("trainer.normalize_returns", MEMBER(ppo.normalize_returns),
           "learn values in units of the returns' running deviation, around their running mean"),
      choice<ValueLossKind>(
          "trainer.value_loss", MEMBER(ppo.value_loss),
          {{"clipped", ValueLossKind::kClipped},
           {"mse", ValueLossKind::kSquared},
           {"huber", ValueLossKind::kHuber}},
          "squared error: with the change of the value clipped, plain, or linear far from 0"),
      number("trainer.value_clip_epsilon", MEMBER(ppo.value_clip_epsilon), above(0),
             "range of that clip, in units of the values (see normalize_returns)"),
      number("trainer.value_huber_delta", MEMBER(ppo.value_huber_delta), above(0),
             "error where huber turns linear, in the same units"),
  };
  for (ConfigKey& key : all_with(KeyNeed::kBothParts, gradient_scaling_keys())) {
    keys.push_back(std::move(key));
  }
  const auto component = [&keys](const char* name, Member<double> member, const char* doc) {
    keys.push_back(
        number(std::string("trainer.component_weights.") + name, member, at_least(0), doc)
            .only_with(KeyNeed::kColony));
  };
  component("total_reward", MEMBER(environment.reward_weights[kTotal]),
            "of the total's value head, in the value loss only");
  component("graph_reward", MEMBER(environment.reward_weights[kGraph]),
            "in the value loss and in the advantage, as all below");
  component("spawn_reward", MEMBER(environment.reward_weights[kSpawn]),
            "of the reward for spawning");
  component("delete_reward", MEMBER(environment.reward_weights[kDelete]),
            "of the reward for deleting");
  component("edge_reward", MEMBER(environment.reward_weights[kEdge]), "of the reward for edges");
  component("total_node_reward", MEMBER(environment.reward_weights[kNode]),
            "of the rewards of single cells");

  const auto entropy = [&keys](const char* name, auto member, Interval range, const char* doc,
                               const KeyNeed* need = nullptr) {
    keys.push_back(
        number(std::string("trainer.entropy_regularization.") + name, member, range, doc));
    if (need != nullptr) keys.back().needs = {need};
  };
  entropy("entropy_coeff_start", MEMBER(ppo.entropy_coeff_start), at_least(0),
          "entropy coefficient of the first episode");
  entropy("entropy_coeff_end", MEMBER(ppo.entropy_coeff_end), at_least(0),
          "and after entropy_decay_episodes");
  entropy("entropy_decay_episodes", MEMBER(ppo.entropy_decay_episodes), at_least(1),
          "length of the linear way between them");
  entropy("discrete_entropy_weight", MEMBER(ppo.discrete_entropy_weight), at_least(0),
          "factor on the entropy of the decisions", &KeyNeed::kChoices);
  entropy("continuous_entropy_weight", MEMBER(ppo.continuous_entropy_weight), at_least(0),
          "factor on the entropy of the continuous part", &KeyNeed::kContinuous);
  entropy("min_entropy_threshold", MEMBER(ppo.min_entropy_threshold), between(0, 0.69),
          "entropy (nats per decision) below which a penalty pulls it up; 0: no floor",
          &KeyNeed::kChoices);
  entropy("min_continuous_entropy", MEMBER(ppo.min_continuous_entropy), at_least(0),
          "the same for the continuous part", &KeyNeed::kContinuous);

  const auto random = [&keys](const char* name, Member<Range> member, Interval range,
                              const char* doc) {
    keys.push_back(number_range(std::string("trainer.random_substrate.") + name, member, range, doc)
                       .only_with(KeyNeed::kColony));
  };
  random("linear_m_range", MEMBER(environment.substrate.linear_m), at_least(0),
         "slopes of substrate_type random");
  random("linear_b_range", MEMBER(environment.substrate.linear_b), above(0), "left-edge values");
  random("exponential_m_range", MEMBER(environment.substrate.exponential_m), at_least(0),
         "growth rates of substrate_type random");
  random("exponential_b_range", MEMBER(environment.substrate.exponential_b), above(0),
         "left-edge values");

  keys.push_back(file_path("trainer.save_dir", MEMBER(run.save_dir), "where run folders are made"));
  keys.push_back(number("trainer.checkpoint_every", MEMBER(run.checkpoint_every), at_least(0),
                        "updates between checkpoints; 0: only at the end")
                     .allow_null("0"));
  keys.push_back(
      number("trainer.rank_timeout", MEMBER(run.rank_timeout), at_least(0),
             "seconds that one process of several waits for another until all are ended; "
             "0: for ever"));
  return keys;
}

Keys evaluation_keys() {
  return {
      number("evaluation.every", MEMBER(run.eval_every), at_least(0),
             "updates between evaluations; 0: never"),
      number("evaluation.episodes", MEMBER(run.eval_episodes), at_least(1),
             "episodes of an evaluation"),
      number("evaluation.seed", MEMBER(run.eval_seed), kAny,
             "their seed, the same at every evaluation"),
  };
}

Keys study_keys() {
  Keys keys{
      text_list("study.freeze_modes", MEMBER(study.freeze_modes), {},
                "the modes that are compared, here and by bench_freeze"),
      text_list("study.variants", MEMBER(study.variants), {},
                "settings \"a.b=value\" in which all modes are trained; \"\" is the file as it is"),
      number("study.seeds", MEMBER(study.seeds), at_least(1), "runs of each mode, seeds from 0 on"),
      number("study.episodes", MEMBER(study.episodes), at_least(1),
             "held-out episodes after training"),
      number("study.evaluation_seed", MEMBER(study.evaluation_seed), kAny, "their seed"),
  };
  keys.front().type = "list of: " + freeze_mode_forms();
  for (ConfigKey& key : keys) key.of_run = false;
  return keys;
}

Keys system_keys() {
  return {
      choice("system.device", MEMBER(system.device), {"auto", "cpu", "cuda"},
             "auto: a usable GPU, else the CPU"),
      number("system.threads", MEMBER(system.threads), between(0, 1024),
             "0: OMP_NUM_THREADS, else the CPUs of affinity and container quota; more do no harm"),
      number("system.seed", MEMBER(system.seed), kAny, "of everything random in a run")
          .allow_null("0"),
      choice("system.precision", MEMBER(system.precision), {"fp32", "tf32", "bf16"},
             "of convolutions and matrix products; tf32 and bf16 need a GPU"),
      flag("system.deterministic", MEMBER(system.deterministic),
           "same seed, device and threads: the same bits; false permits faster kernels"),
      flag("system.cuda_graphs", MEMBER(system.cuda_graphs),
           "GPU: record minibatches once per shape and replay them; no effect on a CPU"),
  };
}

}  // namespace

const std::vector<ConfigSection>& config_sections() {
  static const std::vector<ConfigSection> sections{
      {"environment", "What the agent acts in: the durotaxis colony, unless named otherwise."},
      {"observation", "What the agent sees."},
      {"encoder", "The graph transformer in front of the bodies."},
      {"actor_critic", "The ResNet actor and critic, and what of them is frozen."},
      {"algorithm", "PPO."},
      {"trainer", "Rollouts, minibatches, loss weights and what a run writes."},
      {"evaluation", "Fixed-seed evaluation during the training."},
      {"study", "What tools/scripts/study.sh runs; a single training ignores it."},
      {"system", "Where and how to compute; the command line overrides it."},
  };
  return sections;
}

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> keys = [] {
    Keys all;
    for (Keys group : {Keys{environment_name_key(), environment_options_key()}, environment_keys(),
                       all_with(KeyNeed::kColony, reward_keys()), gymnasium_keys(),
                       appearance_keys(), network_keys(), algorithm_keys(), trainer_keys(),
                       evaluation_keys(), study_keys(), system_keys()}) {
      for (ConfigKey& key : group) all.push_back(std::move(key));
    }
    return all;
  }();
  return keys;
}

}  // namespace frost
