#include "tools/config/config_retired.h"

#include "tools/config/config_rules.h"
#include "tools/config/config_schema.h"

namespace frost {
namespace {

constexpr const char* kNoEffect = "it never had an effect; remove it";
constexpr const char* kDropout =
    "dropout is not available; PPO compares old and new probabilities of one function";
constexpr const char* kRecords = "detailed records of cells are not available yet; remove it";

std::string use(const std::string& key) {
  return "use '" + key + "'";
}

}  // namespace

const std::vector<FixedKey>& fixed_keys() {
  static const std::vector<FixedKey> keys{
      {"environment.enable_visualization", "false", "drawing while training is not available"},
      {"encoder.dropout", "0", kDropout},
      {"actor_critic.dropout_rate", "0", kDropout},
      {"actor_critic.num_discrete_actions", "2", "a cell spawns or is deleted"},
      {"actor_critic.continuous_dim", "4", "a spawn has four parameters"},
      {"actor_critic.value_components",
       "[total_reward, graph_reward, spawn_reward, delete_reward, edge_reward, total_node_reward]",
       "the critic has one head per reward component"},
      {"trainer.rollout_collection_mode", "steps", "rollouts have a fixed number of steps"},
      {"trainer.enable_value_clipping", "true",
       "for a plain squared error use 'trainer.value_loss'"},
      {"trainer.entropy_regularization.enable_adaptive_entropy", "true",
       "for a constant coefficient give equal entropy_coeff_start and entropy_coeff_end"},
      {"trainer.empty_graph_handling.enable_graceful_recovery", "false",
       "use 'environment.empty_graph_recovery.enabled'"},
      {"trainer.detailed_logging.enable_detailed_logging", "false",
       "detailed records of cells are not available yet"},
  };
  return keys;
}

const std::vector<RetiredKey>& retired_keys() {
  static const std::vector<RetiredKey> keys{
      {"environment.curriculum_environment", kNoEffect},
      {"environment.curriculum_rewards", kNoEffect},
      {"environment.flush_delay", "drawing while training is not available; remove it"},
      {"environment.min_nodes_for_spawn", "it never had an effect; see 'environment.min_nodes'"},
      {"environment.max_nodes_for_spawn",
       "it never had an effect; see 'environment.threshold_critical_nodes'"},
      {"environment.empty_graph_recovery_*",
       "use the keys of the group 'environment.empty_graph_recovery'"},
      {"actor_critic.wsa", "weight-sharing attention is not available; remove it"},
      {"algorithm.ppo_epochs", use("trainer.update_epochs")},
      {"trainer.total_episodes", use("algorithm.total_updates") + ", which counts updates"},
      {"trainer.max_steps", use("environment.max_steps")},
      {"trainer.learning_rate", use("actor_critic.backbone.head_lr")},
      {"trainer.resume_training", "use the option --resume RUN of train"},
      {"trainer.model_selection", "the rule that picks the best checkpoint is fixed; remove it"},
      {"trainer.curriculum_learning", kNoEffect},
      {"trainer.curriculum_progression", kNoEffect},
      {"trainer.reward_shaping", kNoEffect},
      {"trainer.entropy_bonus_coeff",
       use("trainer.entropy_regularization.entropy_coeff_start") + " and '..._end'"},
      {"trainer.weight_momentum", kNoEffect},
      {"trainer.normalize_weights_every", kNoEffect},
      {"trainer.rollout_batch_size", use("trainer.rollout_steps") + ", which counts transitions"},
      {"trainer.log_every", "every update is logged; remove it"},
      {"trainer.progress_print_every", "progress is one line per update; --quiet turns it off"},
      {"trainer.detailed_logging", kRecords},
      {"trainer.moving_avg_window", "tables hold unsmoothed values; remove it"},
      {"trainer.substrate_type", use("environment.substrate_type")},
      {"trainer.empty_graph_handling",
       "use the keys of the group 'environment.empty_graph_recovery'"},
      {"trainer.encoder_hidden_dim", use("encoder.hidden_dim")},
      {"trainer.encoder_output_dim", use("encoder.out_dim")},
      {"trainer.encoder_num_layers", use("encoder.num_layers")},
      {"trainer.policy_loss_weights.entropy_weight",
       use("trainer.entropy_regularization.entropy_coeff_start") + " and '..._end'"},
      {"trainer.adaptive_scaling", kNoEffect},
      {"trainer.reward_normalization", kNoEffect},
      {"trainer.advantage_weighting",
       "learned weights of the advantage are not available; use 'trainer.component_weights'"},
      {"system.num_workers", use("system.threads") + " and 'trainer.num_envs'"},
      {"logging.verbose", "progress is one line per update; --quiet turns it off"},
      {"logging.save_model_every", use("trainer.checkpoint_every")},
      {"logging", kNoEffect},
      {"experimental", kNoEffect},
  };
  return keys;
}

}  // namespace frost
