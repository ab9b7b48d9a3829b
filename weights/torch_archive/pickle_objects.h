#pragma once

#include "weights/torch_archive/pickle.h"

namespace frost {

/// The global with that exact name. Throws Error for every other name.
PickleGlobalRef find_pickle_global(std::string_view module, std::string_view name,
                                   const ByteReader& where);

/// What REDUCE of `callable` on the tuple `arguments` stands for.
PickleValue reduce_pickle(PickleGraph& graph, PickleId callable, PickleId arguments,
                          const ByteReader& where);

/// BUILD: gives `object` its state. Dicts and tensors carry nothing of use in theirs.
void build_pickle(PickleGraph& graph, PickleId object, PickleId state, const ByteReader& where);

/// Reads ('storage', storage type, key, location, numel) and, with `may_be_view`, a sixth element
/// that is None or a window (view key, offset, numel).
PickleValue storage_from_persistent_id(PickleGraph& graph, PickleId id, bool may_be_view,
                                       const ByteReader& where);

}  // namespace frost
