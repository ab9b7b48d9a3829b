#include "weights/resnet18_blob.h"

#include <utility>

#include "weights/resnet18_names.h"

namespace frost {

SafetensorsFile resnet18_blob(StateDict tensors) {
  SafetensorsFile blob{std::move(tensors), {}};
  for (const std::string& counter : resnet18_counters()) {
    blob.tensors[counter] = HostTensor::from_int64({}, {0});
  }
  blob.metadata = {{"format", "pt"},
                   {"architecture", "resnet18"},
                   {"normalisation_mean", "0.485 0.456 0.406"},
                   {"normalisation_std", "0.229 0.224 0.225"}};
  return blob;
}

}  // namespace frost
