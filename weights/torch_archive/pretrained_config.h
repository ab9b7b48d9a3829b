#pragma once

#include <map>
#include <string>

#include "weights/torch_archive/pickle.h"

namespace frost {

/// What a pickle says under the key `pretrained_cfg`, wherever it stands (timm's models have it),
/// as "pretrained_cfg.<key>": texts, numbers, and lists of numbers one after the other. Of several
/// the first. Empty where there is none.
std::map<std::string, std::string> pretrained_config(const PickleGraph& graph);

}  // namespace frost
