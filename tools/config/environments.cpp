#include "tools/config/environments.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "kernels/errors.h"
#include "rl/environment_registry.h"
#include "rl/envs/durotaxis/recorded_colony.h"
#include "rl/envs/durotaxis/spec.h"
#include "rl/envs/durotaxis/views/picture.h"
#include "rl/envs/gymnasium/gymnasium_environment.h"
#include "rl/frame_stack.h"
#include "rl/plugin/environment_library.h"
#include "tools/config/sections/config_appearance.h"

namespace frost {
namespace {

EnvironmentFactory colony_factory(const Config& config) {
  const DurotaxisConfig colony = config.environment;
  if (config.model.observation == ObservationKind::kImage) {
    return [colony] { return std::make_unique<PictureDurotaxis>(colony); };
  }
  return [colony] { return std::make_unique<Durotaxis>(colony); };
}

EnvironmentSpec colony_spec(const Config& config) {
  return config.model.observation == ObservationKind::kImage
             ? colony_picture_spec(config.environment)
             : colony_graph_spec(config.environment);
}

/// An environment that has sections of its own.
struct OwnSection {
  const char* name;
  EnvironmentFactory (*make)(const Config&);
  EnvironmentSpec (*spec)(const Config&);
};

constexpr OwnSection kOwnSections[] = {{"durotaxis", colony_factory, colony_spec}};

const OwnSection* find_own_section(const std::string& name) {
  const auto* found = std::find_if(std::begin(kOwnSections), std::end(kOwnSections),
                                   [&](const OwnSection& s) { return s.name == name; });
  return found == std::end(kOwnSections) ? nullptr : found;
}

/// Environments without a section: those in Python, in a library, and those of the registry.
EnvironmentFactory find_by_name(const Config& config) {
  const std::string& name = config.environment_name;
  if (names_library(name)) return library_environment(name, config.environment_options);
  if (!is_python_environment(name)) return find_environment(name);
  return [pool = WorkerPool::shared(config.environment_name, config.gymnasium)] {
    return std::make_unique<GymnasiumEnvironment>(pool);
  };
}

/// A configuration asks often what its environment is, and somebody's library may take long to make
/// one.
EnvironmentSpec library_spec(const Config& config) {
  using Key = std::pair<std::string, EnvironmentOptions::Values>;
  static std::mutex mutex;
  static std::map<Key, EnvironmentSpec> specs;
  const std::lock_guard lock(mutex);
  const Key key(config.environment_name, config.environment_options);
  auto known = specs.find(key);
  if (known == specs.end()) known = specs.emplace(key, find_by_name(config)()->spec()).first;
  return known->second;
}

/// The environment's own spec.
EnvironmentSpec own_spec(const Config& config) {
  if (const OwnSection* section = find_own_section(config.environment_name)) {
    return section->spec(config);
  }
  if (is_python_environment(config.environment_name)) {  // without making another one
    return WorkerPool::shared(config.environment_name, config.gymnasium)->spec();
  }
  if (names_library(config.environment_name)) return library_spec(config);
  return find_environment(config.environment_name)()->spec();
}

/// The same. Throws UsageError where it stacks pictures itself: kept features are of one each.
EnvironmentSpec single_spec(const Config& config) {
  EnvironmentSpec spec = own_spec(config);
  const auto* picture = std::get_if<PictureSpec>(&spec.observation);
  if (picture != nullptr && picture->frames != 1) {
    throw UsageError(fmt::format(
        "environment {} shows {} pictures a state: it must show one, and observation.frames says "
        "how many the network gets",
        spec.name, picture->frames));
  }
  return spec;
}

/// Whether states are more than one picture.
bool stacks(const EnvironmentSpec& spec, const Config& config) {
  return config.model.picture.frames > 1 && std::holds_alternative<PictureSpec>(spec.observation);
}

/// The configured environment, one picture a state where it shows any.
EnvironmentFactory single_frames(const Config& config) {
  if (const OwnSection* section = find_own_section(config.environment_name)) {
    return section->make(config);
  }
  const EnvironmentSpec spec = single_spec(config);
  const Appearance look = spec.has_appearance ? configured_appearance(config, spec) : Appearance{};
  return [make = find_by_name(config), steps = config.environment.max_steps, look] {
    std::unique_ptr<Environment> environment = make();
    const int limit = environment->spec().time_limit;
    if (limit > 0 && limit != steps) environment->limit_time(steps);
    if (environment->spec().has_appearance) environment->set_appearance(look);
    return environment;
  };
}

}  // namespace

std::vector<std::string> configurable_environment_names() {
  std::vector<std::string> names;
  for (const OwnSection& section : kOwnSections) names.emplace_back(section.name);
  for (std::string& name : environment_names()) names.push_back(std::move(name));
  return names;
}

bool has_own_section(const Config& config) {
  return find_own_section(config.environment_name) != nullptr;
}

EnvironmentSpec environment_spec(const Config& config) {
  EnvironmentSpec spec = single_spec(config);
  return stacks(spec, config) ? stacked_spec(std::move(spec), config.model.picture.frames) : spec;
}

EnvironmentFactory environment_factory(const Config& config) {
  const EnvironmentFactory make = single_frames(config);
  if (!stacks(environment_spec(config), config)) return make;
  return [make, frames = config.model.picture.frames] {
    return std::make_unique<FrameStack>(make(), frames);
  };
}

EnvironmentFactory scripted_environment_factory(const Config& config) {
  Config graph = config;
  graph.model.observation = ObservationKind::kGraph;
  return environment_factory(graph);
}

RecordedEpisodes record_steps(const Config& config, int size, int steps, RandomStream& seeds) {
  if (has_own_section(config)) {
    const bool pictures = config.model.observation == ObservationKind::kImage;
    const RecordedEpisodes record =
        record_colony(steady_colony(config.environment, size), pictures, steps, seeds);
    const int frames = config.model.picture.frames;
    return pictures && frames > 1 ? stacked_record(record, frames) : record;
  }
  const std::unique_ptr<Environment> environment = environment_factory(config)();
  if (!std::holds_alternative<PictureSpec>(environment->spec().observation)) {
    throw UsageError("environment.name is '" + config.environment_name +
                     "': this needs ResNet bodies; set environment.name to durotaxis or to an "
                     "environment that shows pictures");
  }
  return record_episodes(*environment, steps, seeds);
}

}  // namespace frost
