// The functions of cuDNN that kernels/cuda calls.
#include <cudnn.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <variant>

#include "tests/gpu_double/cudnn/descriptors.h"
#include "tests/gpu_double/cudnn/execution.h"
#include "tests/gpu_double/cudnn/handles.h"
#include "tests/gpu_double/cudnn/status.h"

// The double is compiled with hidden symbols; these are its interface.
#pragma GCC visibility push(default)

namespace {

using namespace frost::gpu_double::cudnn;

thread_local std::string last_error;

/// The status of a call: what fn refuses, or success.
template <class Fn>
cudnnStatus_t answer(const Fn& fn) {
  try {
    fn();
    return CUDNN_STATUS_SUCCESS;
  } catch (const Refusal& refusal) {
    last_error = refusal.why;
    return refusal.status;
  }
}

template <class T>
T& place(T* pointer) {
  if (pointer == nullptr) refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no place for the result");
  return *pointer;
}

template <class T>
const T& value(cudnnBackendDescriptor_t raw, const char* what) {
  const T* found = std::get_if<T>(&descriptor(raw).value()->value);
  if (found == nullptr) {
    refuse(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, std::string("a descriptor is no ") + what);
  }
  return *found;
}

}  // namespace

extern "C" {

std::size_t cudnnGetVersion() {
  return CUDNN_VERSION;
}

const char* cudnnGetErrorString(cudnnStatus_t status) {
  const char* name = status_name(status);
  return name == nullptr ? "CUDNN_STATUS unknown to the double" : name;
}

void cudnnGetLastErrorString(char* message, std::size_t max_size) {
  if (message == nullptr || max_size == 0) return;
  const std::size_t length = std::min(last_error.size(), max_size - 1);
  std::memcpy(message, last_error.data(), length);
  message[length] = '\0';
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  return answer([&] { place(handle) = create_handle(); });
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  return answer([&] { destroy_handle(handle); });
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  return answer([&] { set_stream(handle, stream); });
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t* raw) {
  return answer([&] { place(raw) = create_descriptor(type); });
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t raw) {
  return answer([&] { destroy_descriptor(raw); });
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t raw) {
  return answer([&] { descriptor(raw).finalize(); });
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t raw,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, std::int64_t count,
                                       const void* elements) {
  return answer([&] { descriptor(raw).set(name, type, count, elements); });
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t const raw,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, std::int64_t requested,
                                       std::int64_t* count, void* elements) {
  return answer([&] {
    const std::int64_t got = descriptor(raw).get(name, type, requested, elements);
    if (count != nullptr) *count = got;
  });
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack) {
  return answer([&] {
    execute(stream_of(handle), value<Plan>(plan, "execution plan"),
            value<VariantPack>(pack, "variant pack"));
  });
}

}  // extern "C"

#pragma GCC visibility pop
