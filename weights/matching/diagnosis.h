#pragma once

#include <string>

#include "engine/state_dict.h"
#include "weights/matching/body_search.h"
#include "weights/resnet_names.h"

namespace frost {

/// Of a file without a complete body: fills in where the most tensors of torchvision's names lie,
/// which depth they come nearest to, and what is missing, unexpected and misshapen there; or where
/// the names are others, how far `nearest` came. `causes` says what the file probably is.
void diagnose(const StateDict& source, const NearMiss& nearest, ResNetMapping& mapping);

}  // namespace frost
