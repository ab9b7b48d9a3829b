#pragma once

#include <cudnn.h>

#include <string>

namespace frost::gpu_double::cudnn {

/// What a call of cuDNN is answered with where it does not succeed.
struct Refusal {
  cudnnStatus_t status;
  std::string why;  ///< for cudnnGetLastErrorString
};

/// Throws the Refusal.
[[noreturn]] void refuse(cudnnStatus_t status, std::string why);

/// "CUDNN_STATUS_BAD_PARAM"; null for a status the double never gives.
const char* status_name(cudnnStatus_t status);

}  // namespace frost::gpu_double::cudnn
