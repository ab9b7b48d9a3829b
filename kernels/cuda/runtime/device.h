#pragma once

#include "kernels/cuda/runtime/diagnosis.h"

namespace frost::cuda {

/// Asks driver and first visible device; throws nothing, `error` says what failed.
DeviceProbe probe_device();
/// Whether this build holds code for the current device. (device_probe.cu)
bool has_kernels_for_device();

}  // namespace frost::cuda
