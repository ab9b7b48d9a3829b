#include "rl/envs/reference/reference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "kernels/errors.h"
#include "rl/envs/reference/classic_control.h"
#include "rl/envs/reference/identity.h"

namespace frost {
namespace {

using Maker = std::unique_ptr<Environment> (*)();

template <typename T>
std::unique_ptr<Environment> make() {
  return std::make_unique<T>();
}

const std::vector<std::pair<std::string, Maker>>& makers() {
  static const std::vector<std::pair<std::string, Maker>> all = {
      {"CartPole-v1", make<CartPole>},
      {"Acrobot-v1", make<Acrobot>},
      {"MountainCar-v0", make<MountainCar>},
      {"Pendulum-v1", make<Pendulum>},
      {"IdentityDiscrete", make<IdentityDiscrete>},
      {"IdentityMultiDiscrete", make<IdentityMultiDiscrete>},
      {"IdentityBox", make<IdentityBox>},
      {"IdentityHybrid", make<IdentityHybrid>},
  };
  return all;
}

}  // namespace

const std::vector<std::string>& reference_environment_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [name, maker] : makers()) all.push_back(name);
    return all;
  }();
  return names;
}

std::unique_ptr<Environment> make_reference_environment(const std::string& name) {
  for (const auto& [known, maker] : makers()) {
    if (known == name) return maker();
  }
  throw UsageError(fmt::format("[environment] no environment is called '{}'; there are {}", name,
                               fmt::join(reference_environment_names(), ", ")));
}

int reference_observation_size(const std::string& name) {
  const std::unique_ptr<Environment> environment = make_reference_environment(name);
  environment->reset(0);
  return static_cast<int>(std::get<VectorObservation>(environment->observe()).values.size());
}

}  // namespace frost
