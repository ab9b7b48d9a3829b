#include "tests/gpu_double/cudnn/execution.h"

#include <cstdint>
#include <cstring>
#include <set>
#include <string>

#include "tests/gpu_double/cudnn/interpreter.h"
#include "tests/gpu_double/cudnn/status.h"
#include "tests/gpu_double/memory.h"
#include "tests/gpu_double/settings.h"
#include "tests/gpu_double/stream.h"

namespace frost::gpu_double::cudnn {
namespace {

constexpr std::int64_t kWorkspaceAlignment = 16;

/// Memory that a call uses.
struct Block {
  std::string name;
  const char* data;
  std::int64_t bytes;
  bool written;
};

void require_alignment(const std::string& name, const void* data, std::int64_t alignment) {
  if (data == nullptr) refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, name + " is null");
  if (reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(alignment) != 0) {
    refuse(CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER,
           name + " is not aligned to " + std::to_string(alignment) + " bytes");
  }
}

std::vector<Block> blocks_of(const Plan& plan, const VariantPack& pack) {
  const Graph& graph = *plan.candidate.graph;
  std::set<std::int64_t> written;
  for (const Operation& operation : graph.operations) written.insert(written_by(operation).uid);
  std::vector<Block> blocks;
  const auto tensors = outer_tensors(graph);
  for (const Tensor* t : tensors) {
    const std::string name = "cuDNN: the tensor with uid " + std::to_string(t->uid);
    const auto found = pack.data.find(t->uid);
    if (found == pack.data.end()) refuse(CUDNN_STATUS_BAD_PARAM, name + " is not in the pack");
    require_alignment(name, found->second, t->alignment);
    blocks.push_back(
        {name, static_cast<const char*>(found->second), t->span_bytes(), written.contains(t->uid)});
  }
  if (pack.data.size() != tensors.size()) {
    refuse(CUDNN_STATUS_BAD_PARAM, "a variant pack has a uid that the plan's graph has not");
  }
  if (plan.workspace_bytes > 0) {
    require_alignment("cuDNN: the workspace", pack.workspace, kWorkspaceAlignment);
    blocks.push_back({"cuDNN: the workspace", static_cast<const char*>(pack.workspace),
                      plan.workspace_bytes, true});
  }
  return blocks;
}

void require_apart(const std::vector<Block>& blocks) {
  for (const Block& a : blocks) {
    for (const Block& b : blocks) {
      if (a.written && &a != &b && a.data < b.data + b.bytes && b.data < a.data + a.bytes) {
        violation(a.name + " is written and overlaps " + b.name);
      }
    }
  }
}

void require_on_device(const std::vector<Block>& blocks) {
  for (const Block& b : blocks) {
    gpu_double::require_on_device(b.data, static_cast<std::size_t>(b.bytes), b.name.c_str());
  }
}

}  // namespace

void execute(cudaStream_t stream, const Plan& plan, const VariantPack& pack) {
  const std::vector<Block> blocks = blocks_of(plan, pack);
  require_on_device(blocks);
  require_apart(blocks);
  const cudaError_t error = enqueue_computation(stream, [plan, pack, blocks] {
    require_on_device(blocks);  // a replayed graph may outlive what it was captured with
    // Not even what was there before may matter, and all of it must be the caller's to give.
    if (plan.workspace_bytes > 0) {
      std::memset(pack.workspace, 0xFF, static_cast<std::size_t>(plan.workspace_bytes));
    }
    interpret(*plan.candidate.graph, plan.candidate.engine, pack.data);
  });
  if (error != cudaSuccess) {
    refuse(CUDNN_STATUS_EXECUTION_FAILED_CUDART,
           "the stream takes no work: CUDA error " + std::to_string(static_cast<int>(error)));
  }
}

}  // namespace frost::gpu_double::cudnn
