#include "rl/environment_registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "kernels/errors.h"
#include "rl/envs/control/classic_control.h"
#include "rl/envs/control/identity.h"
#include "rl/envs/pixels/key_door.h"
#include "rl/envs/pixels/pixel_control.h"

namespace frost {
namespace {

using Entry = std::pair<std::string, EnvironmentFactory>;

template <typename T>
Entry entry(const char* name) {
  return {name, [] { return std::make_unique<T>(); }};
}

std::vector<Entry>& entries() {
  static std::vector<Entry> all = {
      entry<CartPole>("CartPole-v1"),
      entry<Acrobot>("Acrobot-v1"),
      entry<MountainCar>("MountainCar-v0"),
      entry<Pendulum>("Pendulum-v1"),
      entry<IdentityDiscrete>("IdentityDiscrete"),
      entry<IdentityMultiDiscrete>("IdentityMultiDiscrete"),
      entry<IdentityBox>("IdentityBox"),
      entry<IdentityHybrid>("IdentityHybrid"),
      entry<PixelCartPole>("PixelCartPole"),
      entry<PixelPendulum>("PixelPendulum"),
      entry<PixelAcrobot>("PixelAcrobot"),
      entry<PixelMountainCar>("PixelMountainCar"),
      entry<KeyDoor>("KeyDoor"),
  };
  return all;
}

}  // namespace

void register_environment(const std::string& name, EnvironmentFactory factory) {
  for (const Entry& known : entries()) {
    if (known.first == name) throw Error("an environment is called '" + name + "' already");
  }
  entries().emplace_back(name, std::move(factory));
}

std::vector<std::string> environment_names() {
  std::vector<std::string> names;
  for (const Entry& known : entries()) names.push_back(known.first);
  return names;
}

EnvironmentFactory find_environment(const std::string& name) {
  for (const Entry& known : entries()) {
    if (known.first == name) return known.second;
  }
  throw UsageError(fmt::format("[environment] no environment is called '{}'; there are {}", name,
                               fmt::join(environment_names(), ", ")));
}

}  // namespace frost
