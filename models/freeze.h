#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/module.h"

namespace frost {

/// A row of the freeze table: which parameters of a module train, by their names in it.
struct FreezeMode {
  std::string name, explanation;
  /// The first block that trains, with all behind it; (0, 0) is the beginning of the body,
  /// (5, 0) behind its end, and the stage of `all` behind that of any module.
  int stage = 0, block = 0;
  bool only_batch_norm = false;  ///< of what trains, scale and shift alone

  bool trains(std::string_view parameter) const;
};

/// The table of a ResNet of `depth` (docs/networks.md, "Freezing"). `none` and `all` fit any
/// module; the others go by the names of torchvision's ResNets. Throws UsageError for an unknown
/// depth.
const std::vector<FreezeMode>& freeze_modes(int depth = 18);
std::vector<std::string> freeze_mode_names(int depth = 18);
/// Throws UsageError listing the valid names.
const FreezeMode& find_freeze_mode(const std::string& name, int depth = 18);

/// Freezes the parameters whose name in the module fulfils `frozen` and lets all others train;
/// frozen ones lose their gradient buffer. An optimizer must be given the new groups.
void freeze_parameters(Module& module, const std::function<bool(std::string_view name)>& frozen);
/// The same by a row of the table.
void apply_freeze_mode(Module& module, const FreezeMode& mode);

}  // namespace frost
