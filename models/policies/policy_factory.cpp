#include "models/policies/policy_factory.h"

#include "kernels/errors.h"
#include "models/policies/graph_actor_critic.h"
#include "models/policies/image_actor_critic.h"
#include "models/policies/impala_actor_critic.h"
#include "models/policies/mlp_actor_critic.h"

namespace frost {

std::unique_ptr<PolicyNetwork> make_policy_network(Backend& backend,
                                                   const ActorCriticConfig& config) {
  switch (config.observation) {
    case ObservationKind::kGraph:
      return std::make_unique<GraphActorCritic>(backend, config);
    case ObservationKind::kImage:
      if (config.body == "impala") return std::make_unique<ImpalaActorCritic>(backend, config);
      return std::make_unique<ImageActorCritic>(backend, config);
    case ObservationKind::kVector:
      return std::make_unique<MlpActorCritic>(backend, config);
  }
  fail("policy_network", "unknown kind of observation");
}

}  // namespace frost
