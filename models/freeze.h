#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/module.h"

namespace frost {

/// A row of the freeze table: which parameters of a module train, by their names in it.
struct FreezeMode {
  const char* name;
  const char* explanation;
  bool (*trains)(std::string_view parameter);
};

/// The table (docs/networks.md, "Freezing"). `none` and `all` fit any module; the others go by the
/// names of torchvision's ResNets. Adding a mode is a row here and one in its test.
const std::vector<FreezeMode>& freeze_modes();
std::vector<std::string> freeze_mode_names();
/// Throws UsageError listing the valid names.
const FreezeMode& find_freeze_mode(const std::string& name);

/// Freezes the parameters whose name in the module fulfils `frozen` and lets all others train;
/// frozen ones lose their gradient buffer. An optimizer must be given the new groups.
void freeze_parameters(Module& module, const std::function<bool(std::string_view name)>& frozen);
/// The same by a row of the table.
void apply_freeze_mode(Module& module, const FreezeMode& mode);

}  // namespace frost
