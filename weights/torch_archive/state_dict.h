#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "engine/state_dict.h"
#include "weights/torch_archive/pickle.h"

namespace frost {

/// The raw bytes of every storage, by key.
using StorageBytes = std::map<std::string, SharedBytes>;

/// What a file may be copied into memory beside its own bytes, strided or compressed, in bytes: a
/// small file can be read as a large one.
constexpr std::int64_t kMaxCopied = std::int64_t{1} << 27;

/// All tensors and parameters below the root of `graph`, keys of nested dicts and list positions
/// joined with '.'; other leaves (numbers, texts) are left out. Of a module's record its
/// parameters, buffers and modules are followed as in its state_dict(), of other records what they
/// hold. Tensors that lie row-major are parts of `storages`; what is strided is copied, at most
/// kMaxCopied less the `copied` bytes that the storages are copies themselves. Throws Error on
/// tensors that leave their storage, names that occur twice, nesting beyond 64, more than 4096
/// tensors, and where they pass 1 GiB together.
StateDict collect_tensors(const PickleGraph& graph, const StorageBytes& storages,
                          const std::string& origin, std::int64_t copied = 0);

/// What the pickle holds in place of tensors with values, in words: NumPy arrays, tensors of the
/// meta device. Empty for most files.
std::vector<std::string> stand_ins(const PickleGraph& graph);

}  // namespace frost
