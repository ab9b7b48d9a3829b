#pragma once

#include "engine/random.h"
#include "rl/environment.h"
#include "rl/replay_environment.h"
#include "tools/config/config.h"

namespace frost {

// Where the configuration meets the environments: the one place that knows which of them has a
// section of its own.

/// Names that `environment.name` takes: those with a section, then the registered ones.
std::vector<std::string> configurable_environment_names();

/// Whether the configured environment reads the sections environment, observation and encoder.
bool has_own_section(const Config& config);

/// What the configured environment is, with its own time limit. Makes none that has a section, and
/// of others one per name and options. Throws Error where it cannot be made.
EnvironmentSpec environment_spec(const Config& config);

/// The configured environment, as its agent sees it.
EnvironmentFactory environment_factory(const Config& config);

/// The same process as its scripted policies see it.
EnvironmentFactory scripted_environment_factory(const Config& config);

/// `steps` steps of the configured environment, to be replayed: a colony at a constant `size`
/// (`EnvironmentSpec::size_unit`), pictures as `record_episodes`. Throws UsageError for
/// environments that show neither.
RecordedEpisodes record_steps(const Config& config, int size, int steps, RandomStream& seeds);

}  // namespace frost
