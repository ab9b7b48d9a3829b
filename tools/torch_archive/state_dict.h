#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "engine/io/safetensors.h"
#include "tools/torch_archive/pickle.h"

namespace frost {

/// The raw bytes of every storage, by key.
using StorageBytes = std::map<std::string, std::span<const std::byte>>;

/// Copies the elements of `tensor` out of its storage, row-major whatever its strides are. Throws
/// Error where the storage has another size than declared, the view leaves it, or the copy would
/// pass `max_bytes`; `who` names the tensor and file.
HostTensor materialise(const TensorRef& tensor, std::span<const std::byte> storage,
                       std::int64_t max_bytes, const std::string& who);

/// All tensors and parameters below the root of `graph`, keys of nested dicts and list positions
/// joined with '.'; other leaves (numbers, texts) are left out. Throws Error on names that occur
/// twice, nesting beyond 64, and where all tensors together pass 1 GiB.
StateDict collect_tensors(const PickleGraph& graph, const StorageBytes& storages,
                          const std::string& origin);

}  // namespace frost
