#include "rl/ppo/update_metrics.h"

namespace frost {

Metrics update_metrics(const UpdateReport& report) {
  const EnvironmentSpec& spec = report.spec;
  const LearnStatistics& sums = report.learning.sums;
  const RolloutSummary& collected = report.learning.collected;
  Metrics m;
  m.add("charts/update", static_cast<double>(report.update));
  m.add("charts/global_step", static_cast<double>(report.global_step));
  m.add("charts/episodes", static_cast<double>(report.episodes));
  const EpisodeSummary episodes = summarise_episodes(report.finished);
  m.add("charts/episodes_finished", static_cast<double>(report.finished.size()));
  m.add("charts/episodic_return", episodes.mean_return);
  m.add("charts/episodic_length", episodes.mean_length);
  m.add("charts/success_rate", episodes.success_rate);
  m.add("charts/progress", episodes.mean_progress);
  if (!spec.size_unit.empty()) {
    m.add("charts/" + spec.size_unit + "_per_state", collected.state_size);
  }
  for (std::size_t c = 0; c < spec.reward_names.size(); ++c) {
    m.add("reward/" + spec.reward_names[c], collected.mean_reward[c]);
  }
  m.add("losses/policy_loss", sums.mean(sums.policy_loss));
  m.add("losses/continuous_policy_loss", sums.mean(sums.continuous_loss));
  m.add("losses/value_loss", sums.mean(sums.value_loss));
  m.add("losses/entropy", sums.mean(sums.entropy));
  m.add("losses/continuous_entropy", sums.mean(sums.continuous_entropy));
  m.add("losses/entropy_coefficient", entropy_coefficient(report.config, report.episodes));
  m.add("losses/approx_kl", sums.mean_kl());
  m.add("losses/last_kl", sums.last_kl);
  m.add("losses/clipfrac", sums.mean(sums.clipfrac));
  m.add("losses/total", sums.mean(sums.loss));
  m.add("losses/explained_variance", collected.explained_variance);
  m.add("losses/minibatches", sums.minibatches);
  m.add("losses/epochs", report.learning.epochs);
  if (report.config.scale_policy_losses) {
    m.add("losses/discrete_weight", sums.mean(sums.weights.discrete));
    m.add("losses/continuous_weight", sums.mean(sums.weights.continuous));
  }
  m.add("grad_norm/total", sums.mean(sums.grad_norm));
  for (const ParamGroup& possible : report.possible_groups) {
    double norm = 0, lr = 0;
    for (std::size_t g = 0; g < report.groups.size(); ++g) {
      const ParamGroup& group = report.groups[g];
      if (group.name != possible.name) continue;
      norm = sums.mean(sums.group_norms[g]);
      lr = group.lr * report.lr_factors[g];
    }
    m.add("grad_norm/" + possible.name, norm);
    m.add("lr/" + possible.name, lr);
  }
  return m;
}

}  // namespace frost
