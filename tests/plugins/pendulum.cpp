#include "rl/envs/control/classic_control.h"
#include "rl/plugin/environment_plugin.h"

// A class of the program itself, without options.
FROST_ENVIRONMENT_PLUGIN(frost::Pendulum)
