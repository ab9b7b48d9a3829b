#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "engine/state_dict.h"
#include "weights/torch_archive/pickle.h"

namespace frost {

/// The raw bytes of every storage, by key.
using StorageBytes = std::map<std::string, std::span<const std::byte>>;

/// All tensors and parameters below the root of `graph`, keys of nested dicts and list positions
/// joined with '.'; other leaves (numbers, texts) are left out. `storages` are parts of `image`,
/// and so are the tensors that lie there row-major; what is strided is copied, at most 128 MiB in
/// all. Throws Error on tensors that leave their storage, names that occur twice, nesting beyond
/// 64, more than 4096 tensors, and where they pass 1 GiB together.
StateDict collect_tensors(const PickleGraph& graph, const StorageBytes& storages,
                          const SharedBytes& image, const std::string& origin);

}  // namespace frost
