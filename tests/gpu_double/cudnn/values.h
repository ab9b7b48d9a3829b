#pragma once

#include <cudnn.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "tests/gpu_double/cudnn/engines.h"
#include "tests/gpu_double/cudnn/graph.h"

namespace frost::gpu_double::cudnn {

/// An engine for a graph, as an engine configuration names it.
struct Candidate {
  std::shared_ptr<const Graph> graph;
  Engine engine;
};

struct Plan {
  Candidate candidate;
  std::int64_t workspace_bytes = 0;
};

/// What a plan is executed on.
struct VariantPack {
  std::map<std::int64_t, void*> data;  ///< by uid
  void* workspace = nullptr;
};

/// What a finalized descriptor stands for.
struct Value {
  std::variant<Tensor, Window, cudnnPointwiseMode_t, Operation, std::shared_ptr<const Graph>,
               std::vector<Candidate>, Candidate, Engine, Plan, VariantPack>
      value;
};

/// Elements of one type: bytes, or values of other descriptors.
struct Attribute {
  cudnnBackendAttributeType_t type;
  std::int64_t count = 0;
  std::vector<std::byte> bytes = {};
  std::vector<std::shared_ptr<const Value>> children = {};
};
using Attributes = std::map<cudnnBackendAttributeName_t, Attribute>;

/// What a descriptor of this type with these attributes stands for. Throws Refusal.
Value make_value(cudnnBackendDescriptorType_t type, const Attributes& attributes);

/// An attribute that nobody set but that follows from the value.
std::optional<Attribute> derived(const Value& value, cudnnBackendAttributeName_t name);

}  // namespace frost::gpu_double::cudnn
