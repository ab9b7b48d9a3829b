#include "tests/gpu_double/cudnn/descriptors.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "tests/gpu_double/cudnn/handles.h"
#include "tests/gpu_double/cudnn/schema.h"
#include "tests/gpu_double/cudnn/status.h"
#include "tests/gpu_double/settings.h"

namespace frost::gpu_double::cudnn {
namespace {

void require_type(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t asked,
                  cudnnBackendAttributeType_t own) {
  if (asked != own) {
    refuse(CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE,
           text_of(name) + " has type " + std::to_string(static_cast<int>(own)) + ", not " +
               std::to_string(static_cast<int>(asked)));
  }
}

/// Which descriptors a value can be handed out in.
bool holds(cudnnBackendDescriptorType_t type, const Value& value) {
  if (type == CUDNN_BACKEND_ENGINECFG_DESCRIPTOR) {
    return std::holds_alternative<Candidate>(value.value);
  }
  return type == CUDNN_BACKEND_ENGINE_DESCRIPTOR && std::holds_alternative<Engine>(value.value);
}

// Never destroyed: a program's own statics may destroy descriptors at its end.
std::mutex& mutex() {
  static auto& only = *new std::mutex;
  return only;
}
std::map<cudnnBackendDescriptor_t, std::unique_ptr<Descriptor>>& living() {
  static auto& all = *new std::map<cudnnBackendDescriptor_t, std::unique_ptr<Descriptor>>;
  return all;
}

}  // namespace

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) : type_(type) {
  if (schema_of(type) == nullptr) {
    refuse(CUDNN_STATUS_NOT_SUPPORTED,
           "the double knows no descriptor of type " + std::to_string(static_cast<int>(type)));
  }
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                     std::int64_t count, const void* elements) {
  if (value_) refuse(CUDNN_STATUS_BAD_PARAM, text_of(name) + " is set after finalization");
  const auto& schema = *schema_of(type_);
  const auto allowed = std::find_if(schema.begin(), schema.end(),
                                    [&](const Allowed& each) { return each.name == name; });
  if (allowed == schema.end()) {
    refuse(CUDNN_STATUS_BAD_PARAM, text_of(name) + " is none of this descriptor's");
  }
  require_type(name, type, allowed->type);
  if (count < 1 || count > allowed->most) {
    refuse(CUDNN_STATUS_BAD_PARAM,
           text_of(name) + " cannot have " + std::to_string(count) + " elements");
  }
  if (elements == nullptr) {
    refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, text_of(name) + " is set from a null pointer");
  }
  Attribute attribute{type, count};
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    const auto* children = static_cast<const cudnnBackendDescriptor_t*>(elements);
    for (std::int64_t i = 0; i < count; ++i) {
      attribute.children.push_back(descriptor(children[i]).value());
    }
  } else {
    attribute.bytes.resize(static_cast<std::size_t>(count) * size_of(type));
    std::copy_n(static_cast<const std::byte*>(elements), attribute.bytes.size(),
                attribute.bytes.data());
    if (type == CUDNN_TYPE_HANDLE) stream_of(*static_cast<const cudnnHandle_t*>(elements));
  }
  attributes_[name] = attribute;
}

std::int64_t Descriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                             std::int64_t count, void* elements) const {
  if (!value_) {
    refuse(CUDNN_STATUS_NOT_INITIALIZED, text_of(name) + " is asked for before finalization");
  }
  std::optional<Attribute> attribute = derived(*value_, name);
  if (const auto found = attributes_.find(name); found != attributes_.end()) {
    attribute = found->second;
  }
  if (!attribute) {
    refuse(CUDNN_STATUS_BAD_PARAM, text_of(name) + " was not set and does not follow from others");
  }
  require_type(name, type, attribute->type);
  if (count == 0) return attribute->count;
  if (count < 0 || elements == nullptr) {
    refuse(CUDNN_STATUS_BAD_PARAM, text_of(name) + " is asked for without a place to put it");
  }
  const std::int64_t copied = std::min(count, attribute->count);
  if (type != CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    std::copy_n(attribute->bytes.data(), static_cast<std::size_t>(copied) * size_of(type),
                static_cast<std::byte*>(elements));
  }
  for (std::size_t i = 0; i < attribute->children.size() && i < static_cast<std::size_t>(copied);
       ++i) {
    descriptor(static_cast<cudnnBackendDescriptor_t*>(elements)[i]).become(attribute->children[i]);
  }
  return copied;
}

void Descriptor::finalize() {
  if (value_) refuse(CUDNN_STATUS_BAD_PARAM, "a descriptor is finalized twice");
  for (const Allowed& each : *schema_of(type_)) {
    if (each.required && !attributes_.contains(each.name)) {
      refuse(CUDNN_STATUS_BAD_PARAM, text_of(each.name) + " is missing");
    }
  }
  value_ = std::make_shared<const Value>(make_value(type_, attributes_));
}

const std::shared_ptr<const Value>& Descriptor::value() const {
  if (!value_) {
    refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "a descriptor is used before finalization");
  }
  return value_;
}

void Descriptor::become(const std::shared_ptr<const Value>& value) {
  if (!holds(type_, *value)) {
    refuse(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE,
           "a query's answer does not go into a descriptor of type " +
               std::to_string(static_cast<int>(type_)));
  }
  value_ = value;
}

cudnnBackendDescriptor_t create_descriptor(cudnnBackendDescriptorType_t type) {
  auto made = std::make_unique<Descriptor>(type);
  const std::lock_guard lock(mutex());
  const cudnnBackendDescriptor_t raw = made.get();
  living()[raw] = std::move(made);
  return raw;
}

Descriptor& descriptor(cudnnBackendDescriptor_t raw) {
  if (raw == nullptr) refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "a descriptor is null");
  const std::lock_guard lock(mutex());
  const auto found = living().find(raw);
  if (found == living().end()) {
    violation("cuDNN: a descriptor is used that was destroyed or never created");
  }
  return *found->second;
}

void destroy_descriptor(cudnnBackendDescriptor_t raw) {
  descriptor(raw);
  const std::lock_guard lock(mutex());
  living().erase(raw);
}

}  // namespace frost::gpu_double::cudnn
