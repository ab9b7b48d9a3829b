#pragma once

#include "weights/torch_archive/pickle.h"

namespace frost {

/// The global with that exact name, or nothing where the name means nothing here. Throws Error for
/// what is there to run commands: such a file is no one's weights.
std::optional<PickleGlobalRef> find_pickle_global(std::string_view module, std::string_view name,
                                                  const ByteReader& where);

/// NEWOBJ and NEWOBJ_EX, whose keyword arguments follow in `given`: an empty Parameter, or the
/// record of an object of a foreign class. Throws Error where a tensor is among what it is given.
PickleValue make_object(PickleGraph& graph, PickleId type, const std::vector<PickleId>& given,
                        const ByteReader& where);

/// The value that REDUCE of `callable` gives back as it is: TorchScript marks the types of its
/// lists and dicts by such calls. Nothing for any other.
std::optional<PickleId> returned_argument(const PickleGraph& graph, PickleId callable,
                                          PickleId arguments);

/// APPEND to the record `object`, which keeps no items. Throws Error where one is or holds a
/// tensor.
void append_to_record(PickleGraph& graph, const PickleObject& object,
                      const std::vector<PickleId>& items, const ByteReader& where);

/// What REDUCE of `callable` on the tuple `arguments` stands for: a tensor, a parameter, a dict,
/// or for foreign callables a record. Nothing is called.
PickleValue reduce_pickle(PickleGraph& graph, PickleId callable, PickleId arguments,
                          const ByteReader& where);

/// The attributes in the state of a record: a dict, or where some are slots a pair of dicts, of
/// which one may be None. Empty for any other state.
std::vector<const PickleDict*> attributes_of(const PickleGraph& graph, PickleId state);

/// BUILD: gives `object` its state. Dicts and tensors carry nothing of use in theirs.
void build_pickle(PickleGraph& graph, PickleId object, PickleId state, const ByteReader& where);

/// Reads ('storage', storage type, key, location, numel) and, with `may_be_view`, a sixth element
/// that is None or a window (view key, offset, numel); there
/// the class of a whole module comes as ('module', class, file, source) and stays a name.
PickleValue storage_from_persistent_id(PickleGraph& graph, PickleId id, bool may_be_view,
                                       const ByteReader& where);

}  // namespace frost
