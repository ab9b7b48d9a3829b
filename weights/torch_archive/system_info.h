#pragma once

#include "weights/torch_archive/pickle.h"

namespace frost {

/// Reads the pickled dict about the writing machine and requires `protocol` and little-endian data.
void require_system_info(ByteReader& reader, std::int64_t protocol);

/// A PersistentIdReader for pickles that have none: throws Error.
PickleValue no_persistent_ids(PickleGraph& graph, PickleId id, const ByteReader& where);

}  // namespace frost
