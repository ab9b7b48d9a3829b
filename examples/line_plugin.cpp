// The environment of line.h as a plugin: bin/train takes the library by `environment.name`.
#include <frostline/rl/plugin/environment_plugin.h>

#include "line.h"

FROST_ENVIRONMENT_PLUGIN(Line)
