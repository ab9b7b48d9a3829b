#include "tools/config/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "kernels/errors.h"
#include "rl/envs/durotaxis/termination.h"
#include "tests/tools/config_problem.h"
#include "tools/config/config_retired.h"
#include "tools/config/config_text.h"

namespace frost {
namespace {

TEST(ConfigFile, EmptyTextGivesTheDefaults) {
  for (const char* text : {"", "# only a comment\n", "algorithm:\n"}) {
    EXPECT_EQ(to_yaml(parse_config(text, "x.yaml", {})), to_yaml(Config{})) << text;
  }
}

TEST(ConfigFile, ValuesOfEveryTypeReachTheirMembers) {
  const Config config = parse_config(
      "environment:\n  substrate_type: exponential\n  substrate_size: [64, 32]\n"
      "  include_termination_rewards: true\n"
      "actor_critic:\n  weights_path: w/a b.safetensors\n"
      "  backbone: {freeze_mode: until_layer3, backbone_lr: 5e-5, head_lr: +.001}\n"
      "algorithm:\n  ratio: joint\n"
      "  two_stage_curriculum: {stage_1_fixed_spawn_params: {noise: 0.1}}\n"
      "trainer:\n  component_weights: {total_node_reward: 7}\n"
      "  random_substrate: {linear_m_range: [0.02, 0.03]}\n"
      "system: {seed: 18446744073709551615}\n",
      "x.yaml", {});
  EXPECT_EQ(config.environment.substrate.kind, SubstrateConfig::Kind::kExponential);
  EXPECT_EQ(config.environment.substrate.width, 64);
  EXPECT_EQ(config.environment.substrate.height, 32);
  EXPECT_TRUE(config.environment.reward.include_termination_rewards);
  EXPECT_EQ(config.model.backbone.weights_path, "w/a b.safetensors");
  EXPECT_EQ(config.model.backbone.freeze_mode, "until_layer3");
  EXPECT_EQ(config.model.backbone.backbone_lr, 5e-5);
  EXPECT_EQ(config.model.head_lr, 1e-3);
  EXPECT_EQ(config.ppo.ratio, SurrogateRatio::kJoint);
  EXPECT_EQ(config.environment.fixed_spawn.noise, 0.1f);
  EXPECT_EQ(config.environment.reward_weights[kNode], 7.0);
  EXPECT_EQ(config.environment.substrate.linear_m.high, 0.03);
  EXPECT_EQ(config.system.seed, 18446744073709551615u);
}

TEST(ConfigFile, NullIsAValueWhereDocumented) {
  const Config config = parse_config(
      "system: {seed: null}\nactor_critic: {pretrained_weights: ~, weights_path: }\n"
      "trainer: {checkpoint_every: null}\n",
      "x.yaml", {});
  EXPECT_EQ(config.system.seed, 0u);
  EXPECT_EQ(config.model.backbone.pretrained_weights, "random");
  EXPECT_EQ(config.model.backbone.weights_path, "");
  EXPECT_EQ(config.run.checkpoint_every, 0);
  EXPECT_EQ(problem("algorithm:\n  gamma:\n"),
            "x.yaml:2: 'algorithm.gamma' is empty, expected a number");
}

TEST(ConfigErrors, UnknownKeyNamesTheNearestValidOne) {
  EXPECT_EQ(problem("\nalgorithm:\n  gamma: 0.9\n  clip_epsilom: 0.1\n"),
            "x.yaml:4: unknown key 'algorithm.clip_epsilom', did you mean "
            "'algorithm.clip_epsilon'?");
  EXPECT_EQ(problem("algoritm:\n  gamma: 0.9\n"),
            "x.yaml:1: unknown key 'algoritm', did you mean 'algorithm'?");
  EXPECT_EQ(problem("algorithm: {rollout_steps: 64}"),
            "x.yaml:1: unknown key 'algorithm.rollout_steps', did you mean "
            "'trainer.rollout_steps'?");
  EXPECT_EQ(problem("zzzzzz: 1"),
            "x.yaml:1: unknown key 'zzzzzz', docs/config.md lists the valid ones");
}

TEST(ConfigErrors, DuplicateKeyNamesBothLines) {
  EXPECT_EQ(problem("algorithm:\n  gamma: 0.9\n  gamma: 0.8\n"),
            "x.yaml:3: duplicate key 'algorithm.gamma', first given in line 2; keep one");
  EXPECT_EQ(
      problem("algorithm:\n  gamma: 0.9\ntrainer:\n  num_envs: 8\nalgorithm:\n  ratio: joint"),
      "x.yaml:5: duplicate key 'algorithm', first given in line 1; keep one");
}

TEST(ConfigErrors, RetiredKeysNameTheRemedy) {
  const std::pair<const char*, const char*> cases[] = {
      {"trainer: {learning_rate: 1e-4}", "use 'actor_critic.backbone.head_lr'"},
      {"trainer: {max_steps: 5}", "use 'environment.max_steps'"},
      {"trainer: {substrate_type: linear}", "use 'environment.substrate_type'"},
      {"trainer: {curriculum_learning: {enable_curriculum: false}}", "never had an effect"},
      {"trainer: {resume_training: {enabled: true}}", "--resume RUN"},
      {"algorithm: {ppo_epochs: 4}", "use 'trainer.update_epochs'"},
      {"trainer: {empty_graph_handling: {recovery_num_nodes: 3}}",
       "'environment.empty_graph_recovery'"},
      {"environment: {empty_graph_recovery_spawn_nodes: 5}", "'environment.empty_graph_recovery'"},
      {"logging: {save_model_every: 5}", "use 'trainer.checkpoint_every'"},
      {"logging: {tensorboard: true}", "never had an effect"},
      {"system: {num_workers: 4}", "use 'system.threads'"},
  };
  for (const auto& [yaml, remedy] : cases) {
    const std::string message = problem(yaml);
    EXPECT_EQ(message.find("x.yaml:1: key '"), 0u) << message;
    EXPECT_NE(message.find(remedy), std::string::npos) << message;
  }
  EXPECT_EQ(problem("trainer:\n  learning_rate: 1e-4"),
            "x.yaml:2: key 'trainer.learning_rate' is not used: use "
            "'actor_critic.backbone.head_lr'");
}

TEST(ConfigErrors, EveryRetiredKeyIsRejectedByName) {
  for (const RetiredKey& row : retired_keys()) {
    std::string path = row.path;
    if (path.back() == '*') path.back() = '_';
    const std::string message = problem("", {path + "=1"});
    EXPECT_NE(message.find("key '" + path + "' is not used: "), std::string::npos) << message;
    EXPECT_NE(message.find(row.remedy), std::string::npos) << message;
  }
}

TEST(ConfigErrors, FixedKeysAcceptOnlyTheHonouredValue) {
  for (const FixedKey& row : fixed_keys()) {
    EXPECT_EQ(problem("", {row.path + "=" + row.value}), "accepted") << row.path;
    EXPECT_EQ(problem("", {row.path + "=other"}), "--set " + row.path + "=other: '" + row.path +
                                                      "' must be " + row.value + ": " + row.reason);
  }
}

TEST(ConfigErrors, WrongTypesAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"algorithm: {gamma: high}", "'algorithm.gamma' is 'high', expected a number"},
      {"algorithm: {gamma: \"0.9\"}", "is '0.9' in quotes, expected a number"},
      {"algorithm: {gamma: .nan}", "expected a number"},
      {"algorithm: {gamma: nan}", "expected a finite number"},
      {"algorithm: {gamma: [0.9]}", "is a list of 1, expected a number"},
      {"algorithm: {gamma: {a: 1}}", "is a group of keys, expected a number"},
      {"trainer: {num_envs: 2.5}", "is '2.5', expected an integer"},
      {"trainer: {num_envs: 8 envs}", "expected an integer"},
      {"trainer: {num_envs: 99999999999}", "is 99999999999, which does not fit"},
      {"system: {seed: -1}", "expected an integer"},
      {"algorithm: {enable_kl_early_stop: yes}", "is 'yes', expected true or false"},
      {"environment: {substrate_size: [200]}", "expected a list of two integers, [a, b]"},
      {"environment: {substrate_size: [200, x]}", "is 'x', expected an integer"},
      {"trainer: {save_dir: [runs]}", "expected text"},
      {"algorithm: 5", "'algorithm' is a group of keys, expected 'key: value' below it"},
  };
  for (const auto& [yaml, fragment] : cases) {
    const std::string message = problem(yaml);
    EXPECT_EQ(message.find("x.yaml:1: '"), 0u) << message;
    EXPECT_NE(message.find(fragment), std::string::npos) << message;
  }
}

TEST(ConfigErrors, RangesAreChecked) {
  EXPECT_EQ(problem("algorithm:\n  gamma: 1.5"),
            "x.yaml:2: 'algorithm.gamma' is 1.5, must be in [0, 1]");
  EXPECT_EQ(problem("algorithm: {clip_epsilon: 1}"),
            "x.yaml:1: 'algorithm.clip_epsilon' is 1, must be in (0, 1)");
  EXPECT_EQ(problem("actor_critic: {backbone: {head_lr: 0}}"),
            "x.yaml:1: 'actor_critic.backbone.head_lr' is 0, must be > 0");
  EXPECT_EQ(problem("environment: {substrate_size: [200, 7]}"),
            "x.yaml:1: 'environment.substrate_size' is 7, must be >= 8");
  EXPECT_EQ(problem("environment: {termination_rewards: {no_nodes_penalty: 100}}"),
            "x.yaml:1: 'environment.termination_rewards.no_nodes_penalty' is 100, must be <= 0");
  EXPECT_EQ(problem("trainer: {random_substrate: {linear_m_range: [0.2, 0.1]}}"),
            "x.yaml:1: 'trainer.random_substrate.linear_m_range' is [0.2, 0.1], must be rising");
}

TEST(ConfigErrors, UnknownNamesListTheValidOnes) {
  EXPECT_EQ(problem("algorithm:\n  ratio: pernode"),
            "x.yaml:2: 'algorithm.ratio' is 'pernode', expected one of: per_node, joint, "
            "mean_logp");
  const std::string message = problem("actor_critic: {backbone: {freeze_mode: everything}}");
  for (const char* mode : {"none", "all", "until_layer3", "last_block"}) {
    EXPECT_NE(message.find(mode), std::string::npos) << message;
  }
}

// `layer4.2` exists in a ResNet50 alone.
TEST(ConfigErrors, AFreezeModeThatTheBodiesDoNotHaveIsRefusedWithTheValidOnes) {
  const std::string eighteen =
      "', with resnet18 expected one of: none, all, until_layer1, until_layer2, until_layer3, "
      "until_layer4, last_stage, last_block, bn_affine, layer1.0, layer1.1, layer2.0, layer2.1, "
      "layer3.0, layer3.1, layer4.0, layer4.1";
  EXPECT_EQ(problem("actor_critic:\n  backbone: {freeze_mode: layer4.2}\n"),
            "x.yaml:2: 'actor_critic.backbone.freeze_mode' is 'layer4.2" + eighteen);
  EXPECT_EQ(problem("actor_critic:\n  backbone:\n    freeze_schedule: "
                    "[{update: 5, freeze_mode: layer3.5, backbone_lr: 1e-5}]\n"),
            "x.yaml:3: 'actor_critic.backbone.freeze_schedule' step 1 has 'freeze_mode', which is "
            "'layer3.5" +
                eighteen);
  EXPECT_EQ(problem("study: {freeze_modes: [none, half]}"),
            "x.yaml:1: 'study.freeze_modes' is 'half" + eighteen);
  const std::string fifty = "actor_critic: {backbone: {architecture: resnet50, freeze_mode: ";
  EXPECT_EQ(problem(fifty + "layer4.2}}"), "accepted");
  EXPECT_NE(
      problem(fifty + "layer4.3}}").find("is 'layer4.3', with resnet50 expected one of: none, all"),
      std::string::npos);
  EXPECT_EQ(problem("actor_critic:\n  backbone: {architecture: resnet50, freeze_mode: layer4.2, "
                    "critic_architecture: resnet18}\n"),
            "x.yaml:2: 'actor_critic.backbone.freeze_mode' is 'layer4.2" + eighteen);
  EXPECT_EQ(problem("actor_critic: {backbone: {architecture: resnet101}}"),
            "x.yaml:1: 'actor_critic.backbone.architecture' is 'resnet101', expected one of: "
            "resnet18, resnet34, resnet50");
}

TEST(ConfigErrors, RulesBetweenKeysNameTheLineOfTheGivenKey) {
  EXPECT_EQ(problem("environment:\n  threshold_critical_nodes: 64\n"),
            "x.yaml:2: 'environment.threshold_critical_nodes' is 64, must be above "
            "'environment.max_critical_nodes' (75)");
  EXPECT_EQ(problem("trainer:\n  minibatch_size: 64\n  rollout_steps: 32\n"),
            "x.yaml:2: 'trainer.minibatch_size' is 64, must be at most 'trainer.rollout_steps' "
            "(32)");
  EXPECT_EQ(problem("", {"encoder.num_heads=3"}),
            "--set encoder.num_heads=3: 'encoder.hidden_dim' is 128, must be divisible by "
            "'encoder.num_heads' (3)");
  EXPECT_EQ(problem("actor_critic: {simplicial_embedding: {enabled: false, num_groups: 7}}"),
            "accepted");
}

TEST(ConfigErrors, RewardModesAndFormsExcludeEachOther) {
  EXPECT_EQ(problem("environment:\n  simple_delete_only_mode: true\n"),
            "x.yaml:2: 'environment.simple_delete_only_mode' is true, must be exclusive with "
            "'environment.centroid_distance_only_mode' (true)");
  EXPECT_EQ(problem("environment: {simple_delete_only_mode: true, "
                    "centroid_distance_only_mode: false}"),
            "accepted");
  EXPECT_EQ(problem("environment: {distance_mode: {potential_based: true, "
                    "use_delta_distance: false}}"),
            "x.yaml:1: 'environment.distance_mode.potential_based' is true, must be true only with "
            "'environment.distance_mode.use_delta_distance' (false)");
  EXPECT_EQ(problem("environment: {position_rewards: {danger_zone_threshold: 0.02}}"),
            "x.yaml:1: 'environment.position_rewards.danger_zone_threshold' is 0.02, must be above "
            "'environment.position_rewards.critical_zone_threshold' (0.03)");
}

TEST(ConfigErrors, KeysWithoutEffectNameWhatTheyNeed) {
  const std::string cartpole = "environment: {name: CartPole-v1}\n";
  EXPECT_EQ(problem(cartpole + "encoder:\n  num_layers: 3\n"),
            "x.yaml:3: 'encoder.num_layers' has no effect: it needs a graph as observation, and "
            "CartPole-v1 shows a vector and acts by choices: remove it, or set environment.name to "
            "durotaxis and observation.kind to graph");
  EXPECT_EQ(problem(cartpole, {"actor_critic.backbone.freeze_mode=none", "encoder.num_heads=2"}),
            "--set encoder.num_heads=2: 2 keys have no effect, the first 'encoder.num_heads': it "
            "needs a graph as observation, and CartPole-v1 shows a vector and acts by choices: "
            "remove them, or set environment.name to durotaxis and observation.kind to graph");
  EXPECT_EQ(problem("", {"trainer.policy_loss_weights.continuous_weight=1"}),
            "--set trainer.policy_loss_weights.continuous_weight=1: "
            "'trainer.policy_loss_weights.continuous_weight' has no effect: it needs continuous "
            "values in the action, and durotaxis shows a graph and acts by choices: remove it, or "
            "in durotaxis set algorithm.two_stage_curriculum.stage to 2");
  EXPECT_EQ(
      problem("algorithm: {enable_kl_early_stop: false, target_kl: 0.02}"),
      "x.yaml:1: 'algorithm.target_kl' has no effect: it needs the early stop, and it is off: "
      "remove it, or set algorithm.enable_kl_early_stop to true");
  EXPECT_EQ(problem("actor_critic: {mlp_hidden: [32]}")
                .find("x.yaml:1: 'actor_critic.mlp_hidden' has no effect: it needs a vector"),
            0u);
  EXPECT_EQ(
      problem(cartpole, {"actor_critic.spawn_parameter_bounds.gamma=[1, 2]"}),
      "--set actor_critic.spawn_parameter_bounds.gamma=[1, 2]: "
      "'actor_critic.spawn_parameter_bounds.gamma' has no effect: it needs spawn parameters of "
      "the network, and CartPole-v1 shows a vector and acts by choices: remove it, or set "
      "environment.name to durotaxis and algorithm.two_stage_curriculum.stage to 2");
  EXPECT_NE(problem("observation: {kind: image}",
                    {"trainer.gradient_scaling.enable_adaptive_scaling=true"})
                .find("in durotaxis set observation.kind to graph and "
                      "algorithm.two_stage_curriculum.stage to 2"),
            std::string::npos);
  const std::string scratch = "environment: {name: PixelCartPole}\nactor_critic: {body: impala}\n";
  EXPECT_EQ(problem(scratch), "accepted");
  for (const std::string setting :
       {"actor_critic.pretrained_weights=random", "actor_critic.backbone.freeze_mode=none",
        "actor_critic.backbone.freeze_mode=all", "actor_critic.backbone.tap=layer3",
        "actor_critic.backbone.input_adapter=repeat3", "actor_critic.hidden_dim=64",
        "actor_critic.backbone.freeze_schedule=[{update: 1, freeze_mode: none, backbone_lr: 1}]",
        "actor_critic.backbone.critic_architecture=resnet34"}) {
    const std::string key = setting.substr(0, setting.find('='));
    EXPECT_EQ(problem(scratch, {setting}),
              "--set " + setting + ": '" + key +
                  "' has no effect: it needs actor_critic.body: resnet, and it is impala: remove "
                  "it, or set it so");
  }
  EXPECT_NE(problem(scratch, {"observation.frames=2", "observation.frame_difference=true"})
                .find("'observation.frame_difference' has no effect: it needs actor_critic.body: "
                      "resnet, and it is impala"),
            std::string::npos);
  EXPECT_NE(problem(scratch, {"observation.frame_difference=true"}).find("needs several frames"),
            std::string::npos);
  EXPECT_NE(problem("", {"actor_critic.body=impala"})
                .find("'actor_critic.body' has no effect: it needs a picture as observation"),
            std::string::npos);
  // What is only a default, or a plan of runs, is not refused.
  EXPECT_EQ(problem(cartpole + "study: {seeds: 2}"), "accepted");
}

TEST(ConfigErrors, ALearningRateOfAGroupThatTheNetworkLacksIsRefused) {
  const std::string cosine = "kind: cosine, warmup_updates: 5, final_fraction: 0}";
  const auto groups = [&](const std::string& group) {
    return "algorithm: {lr_schedule: {groups: [{group: " + group + ", " + cosine + "]}}\n";
  };
  const std::string image = "observation: {kind: image}\n";
  const std::string cartpole = "environment: {name: CartPole-v1}\n";
  EXPECT_EQ(problem(groups("encoder")), "accepted");
  EXPECT_EQ(problem(groups("backbone") + image), "accepted");
  EXPECT_EQ(problem(groups("heads") + cartpole), "accepted");
  EXPECT_EQ(problem(groups("encoder") + image),
            "x.yaml:1: 'algorithm.lr_schedule.groups' has a schedule for 'encoder', which the "
            "network does not have, because durotaxis shows a picture and acts by continuous "
            "values: remove it");
  EXPECT_NE(problem(groups("backbone") + cartpole).find("has a schedule for 'backbone'"),
            std::string::npos);
  EXPECT_NE(problem(groups("backbone") + image + "actor_critic: {body: impala}\n")
                .find("has a schedule for 'backbone', which the network does not have"),
            std::string::npos);
  EXPECT_NE(problem(groups("encoder"), {"observation.kind=image"}).find("for 'encoder'"),
            std::string::npos);
}

TEST(ConfigErrors, SyntaxErrorsNameLineAndColumn) {
  const std::string message = problem("algorithm:\n  gamma: [0.9\n");
  EXPECT_EQ(message.find("x.yaml:3:1: YAML syntax error: "), 0u) << message;
  EXPECT_NE(problem("a: b: c").find("x.yaml:1:"), std::string::npos);
  EXPECT_NE(problem(std::string(100000, '[')).find("YAML syntax error"), std::string::npos);
}

TEST(ConfigErrors, OddDocumentsAreRejected) {
  EXPECT_EQ(problem("- 1\n- 2\n"), "x.yaml: expected 'section: {key: value}' at the top");
  EXPECT_EQ(problem("algorithm: {gamma: 1}\n---\nalgorithm: {gamma: 0}\n"),
            "x.yaml: holds several YAML documents; give one");
  EXPECT_EQ(problem("[a]: 1\n"), "x.yaml:1: expected a key, not a list or a group");
  EXPECT_EQ(problem("\"a\\nb\": 1\n").find('\n'), std::string::npos);
}

TEST(ConfigErrors, MissingAndUnreadableFilesAreNamed) {
  EXPECT_EQ(problem_of_file("no/such.yaml"),
            "no/such.yaml: no such configuration file: tried " +
                (std::filesystem::current_path() / "no/such.yaml").string() +
                "; see config.yaml and configs/");
  EXPECT_EQ(problem_of_file("/"),
            "/: is a directory; give a configuration file such as config.yaml");
  // Opens for everyone, but reading its first byte is an I/O error.
  EXPECT_EQ(problem_of_file("/proc/self/mem").find("/proc/self/mem: cannot be read: "), 0u);
}

TEST(ConfigOverrides, WinOverTheFileAndEarlierOnes) {
  const Config config =
      parse_config("algorithm: {gamma: 0.5, ratio: joint}", "x.yaml",
                   {"algorithm.gamma=0.6", "environment.substrate_size=[16, 8]",
                    "algorithm.gamma=0.7", "trainer.save_dir=a=b", "system.seed=null"});
  EXPECT_EQ(config.ppo.gamma, 0.7);
  EXPECT_EQ(config.ppo.ratio, SurrogateRatio::kJoint);
  EXPECT_EQ(config.environment.substrate.width, 16);
  EXPECT_EQ(config.run.save_dir, "a=b");
}

TEST(ConfigOverrides, ErrorsNameTheOption) {
  EXPECT_EQ(problem("", {"algorithm.clip_epsilom=0.1"}),
            "--set algorithm.clip_epsilom=0.1: unknown key 'algorithm.clip_epsilom', did you mean "
            "'algorithm.clip_epsilon'?");
  EXPECT_EQ(problem("", {"trainer.curriculum_learning.stage_1_navigation.episode_start=3"})
                .find("--set trainer.curriculum_learning.stage_1_navigation.episode_start=3: key "),
            0u);
  EXPECT_EQ(problem("", {"algorithm.gamma"}), "--set algorithm.gamma: expected --set key=value");
  EXPECT_EQ(problem("", {"=3"}), "--set =3: expected --set key=value");
  EXPECT_EQ(problem("", {"algorithm.gamma=2"}),
            "--set algorithm.gamma=2: 'algorithm.gamma' is 2, must be in [0, 1]");
}

TEST(ConfigYaml, AnchorsCannotMultiplyValues) {
  const std::string key = "actor_critic:\n  hidden_dim: ";
  EXPECT_NE(problem(key + "&x [*x, *x]\n").find("more than 1024 values"), std::string::npos);
  std::string doubling = "[&a0 [1, 1]";
  for (int i = 0; i < 40; ++i) {
    doubling += ", &a" + std::to_string(i + 1) + " [*a" + std::to_string(i) + ", *a" +
                std::to_string(i) + "]";
  }
  EXPECT_NE(problem(key + doubling + "]\n").find("more than 1024 values"), std::string::npos);
}

}  // namespace
}  // namespace frost
