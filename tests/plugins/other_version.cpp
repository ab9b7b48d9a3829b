#include "rl/plugin/environment_plugin.h"

// What another version of the macro would have left.
extern "C" const frost::EnvironmentPlugin* frost_environment_plugin() {
  static constexpr frost::EnvironmentPlugin plugin{"frostline 0.0.1, headers 0, libstdc++ 1",
                                                   nullptr};
  return &plugin;
}
