#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/resnet18.h"

namespace frost {

/// A row of the freeze table: which tensors of a ResNet18 body train.
struct FreezeMode {
  const char* name;
  const char* explanation;
  bool (*trains)(std::string_view tensor);
};

/// The table (docs/durotaxis.md, "Freezing"). Adding a mode is a row here and one in its test.
const std::vector<FreezeMode>& freeze_modes();
std::vector<std::string> freeze_mode_names();
/// Throws UsageError listing the valid names.
const FreezeMode& find_freeze_mode(const std::string& name);

/// Marks every tensor of the body as trainable or frozen; frozen ones lose their gradient buffer.
void apply_freeze_mode(const ResNet18& body, const FreezeMode& mode);

}  // namespace frost
