#include "weights/resnet_blob.h"

#include <string>
#include <utility>

#include "weights/resnet_names.h"

namespace frost {

SafetensorsFile resnet_blob(StateDict tensors, int depth) {
  SafetensorsFile blob{std::move(tensors), {}};
  for (const std::string& counter : resnet_counters(depth)) {
    blob.tensors[counter] = HostTensor::from_int64({}, {0});
  }
  blob.metadata = {{"format", "pt"}, {"architecture", "resnet" + std::to_string(depth)}};
  return blob;
}

}  // namespace frost
