#include "models/policies/action_heads.h"

namespace frost {

ActionHeads::ActionHeads(Backend& backend, std::int64_t features, const ActorCriticConfig& config)
    : rows_(config.rows),
      choices_(config.choices),
      dims_(config.continuous_dims),
      continuous_heads_(config.continuous_heads),
      state_dependent_std_(config.state_dependent_std) {
  const auto head = [&](std::optional<Linear>& layer, const char* name, std::int64_t width) {
    if (width == 0) return;
    layer.emplace(backend, features, rows_ * width);
    register_module(name, *layer);
  };
  head(discrete_, "discrete", choices_);
  head(mu_, "mu", continuous_heads_);
  head(logstd_, "logstd", continuous_heads_);
  if (logstd_ && !state_dependent_std_) logstd_->weight.set_requires_grad(false);
}

PolicyOutput ActionHeads::operator()(const Tensor& features) const {
  PolicyOutput out;
  if (discrete_) out.logits = by_row((*discrete_)(features), choices_);
  if (dims_ > 0) {
    out.gaussian = executed_gaussian(by_row((*mu_)(features), continuous_heads_),
                                     by_row((*logstd_)(features), continuous_heads_), dims_);
  }
  return out;
}

void ActionHeads::initialize(const std::function<void(Linear&)>& start) {
  for (std::optional<Linear>* head : {&discrete_, &mu_, &logstd_}) {
    if (*head) start(**head);
  }
  if (!logstd_ || state_dependent_std_) return;
  fill_constant(logstd_->weight, 0.0f);
  fill_constant(logstd_->bias, 0.0f);
}

Tensor ActionHeads::by_row(const Tensor& t, std::int64_t width) const {
  return rows_ == 1 ? t : t.reshape({t.numel() / width, width});
}

Tensor executed_gaussian(const Tensor& mean, const Tensor& log_deviation, int dims) {
  if (dims == mean.dim(1)) return concat_cols(mean, log_deviation);
  return concat_cols(narrow_cols(mean, 0, dims), narrow_cols(log_deviation, 0, dims));
}

}  // namespace frost
