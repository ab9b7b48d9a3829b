#pragma once

#include <cudnn.h>

#include <cstdint>
#include <memory>

#include "tests/gpu_double/cudnn/values.h"

namespace frost::gpu_double::cudnn {

/// Typed and counted attributes that become a value at finalization and cannot change after it.
/// A parent copies the value of a child, so a child may go before its parent. All throw Refusal.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
           const void* elements);
  /// Copies at most `count` elements and gives their number; with count 0, how many there are.
  /// Elements that are descriptors come into descriptors that the caller made.
  std::int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                   std::int64_t count, void* elements) const;
  void finalize();

  const std::shared_ptr<const Value>& value() const;

 private:
  /// What a query fills in.
  void become(const std::shared_ptr<const Value>& value);

  cudnnBackendDescriptorType_t type_;
  Attributes attributes_;
  std::shared_ptr<const Value> value_;
};

/// Takes the place of `new Descriptor`.
cudnnBackendDescriptor_t create_descriptor(cudnnBackendDescriptorType_t type);
/// The living descriptor that was created as `raw`; a `violation` if there is none. Throws Refusal
/// where `raw` is null.
Descriptor& descriptor(cudnnBackendDescriptor_t raw);
void destroy_descriptor(cudnnBackendDescriptor_t raw);

}  // namespace frost::gpu_double::cudnn
