#pragma once

#include <array>
#include <cstdint>

#include "kernels/counts/device_counts.h"

// Not for device code: nvcc spells pointers to members so that the host's compiler warns.
namespace frost {

/// A number of `DeviceCounts` by name.
struct DeviceCountField {
  const char* name;
  std::int64_t DeviceCounts::*value;
};
inline constexpr std::array kDeviceCountFields = {
    DeviceCountField{"kernels", &DeviceCounts::kernels},
    DeviceCountField{"library", &DeviceCounts::library},
    DeviceCountField{"fills", &DeviceCounts::fills},
    DeviceCountField{"copies", &DeviceCounts::copies},
    DeviceCountField{"graphs", &DeviceCounts::graphs},
    DeviceCountField{"nodes", &DeviceCounts::nodes},
    DeviceCountField{"waits", &DeviceCounts::waits},
    DeviceCountField{"uploads", &DeviceCounts::uploads},
    DeviceCountField{"downloads", &DeviceCounts::downloads},
    DeviceCountField{"allocations", &DeviceCounts::allocations},
    DeviceCountField{"plans", &DeviceCounts::plans},
    DeviceCountField{"bytes_uploaded", &DeviceCounts::bytes_uploaded},
    DeviceCountField{"bytes_downloaded", &DeviceCounts::bytes_downloaded},
    DeviceCountField{"bytes_read", &DeviceCounts::bytes_read},
    DeviceCountField{"bytes_written", &DeviceCounts::bytes_written},
    DeviceCountField{"multiplications", &DeviceCounts::multiplications},
};
static_assert(sizeof(DeviceCounts) == kDeviceCountFields.size() * sizeof(std::int64_t));

inline DeviceCounts& DeviceCounts::operator+=(const DeviceCounts& other) {
  for (const DeviceCountField& f : kDeviceCountFields) this->*f.value += other.*f.value;
  return *this;
}

inline DeviceCounts& DeviceCounts::operator-=(const DeviceCounts& other) {
  for (const DeviceCountField& f : kDeviceCountFields) this->*f.value -= other.*f.value;
  return *this;
}

}  // namespace frost
