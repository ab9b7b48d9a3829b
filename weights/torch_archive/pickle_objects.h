#pragma once

#include "weights/torch_archive/pickle.h"

namespace frost {

/// The global with that exact name, or nothing where the name means nothing here. Throws Error for
/// what is there to run commands: such a file is no one's weights.
std::optional<PickleGlobalRef> find_pickle_global(std::string_view module, std::string_view name,
                                                  const ByteReader& where);

/// NEWOBJ: an empty Parameter, or the record of an object of a foreign class.
PickleValue make_object(const PickleGraph& graph, PickleId type, PickleId arguments,
                        const ByteReader& where);

/// What REDUCE of `callable` on the tuple `arguments` stands for: a tensor, a parameter, a dict,
/// or for foreign callables a record. Nothing is called.
PickleValue reduce_pickle(PickleGraph& graph, PickleId callable, PickleId arguments,
                          const ByteReader& where);

/// BUILD: gives `object` its state. Dicts and tensors carry nothing of use in theirs.
void build_pickle(PickleGraph& graph, PickleId object, PickleId state, const ByteReader& where);

/// Reads ('storage', storage type, key, location, numel) and, with `may_be_view`, a sixth element
/// that is None or a window (view key, offset, numel); there
/// the class of a whole module comes as ('module', class, file, source) and stays a name.
PickleValue storage_from_persistent_id(PickleGraph& graph, PickleId id, bool may_be_view,
                                       const ByteReader& where);

}  // namespace frost
