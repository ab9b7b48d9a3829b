#pragma once

#include "weights/safetensors.h"

namespace frost::fuzz {

/// The state of freshly made objects of the kind that `read_checkpoint` loads into.
SafetensorsFile example_checkpoint();

}  // namespace frost::fuzz
