#pragma once

#include <cudnn.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace frost::gpu_double::cudnn {

/// An attribute that a descriptor takes.
struct Allowed {
  cudnnBackendAttributeName_t name;
  cudnnBackendAttributeType_t type;
  std::int64_t most = 1;  ///< elements; the least is 1
  bool required = true;
};

/// What may be set on a descriptor, or null where the double does not know the type.
const std::vector<Allowed>* schema_of(cudnnBackendDescriptorType_t type);

/// "attribute 902", for messages.
std::string text_of(cudnnBackendAttributeName_t name);

/// Bytes of an element.
std::size_t size_of(cudnnBackendAttributeType_t type);

}  // namespace frost::gpu_double::cudnn
