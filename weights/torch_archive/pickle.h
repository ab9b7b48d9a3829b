#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "weights/torch_archive/byte_reader.h"

namespace frost {

/// What a pickle may name that has a meaning here. Each is a case of a switch; nothing is ever
/// looked up or called.
enum class PickleGlobal {
  kOrderedDict,
  kRebuildTensor,
  kRebuildTensorV2,
  kRebuildParameter,
  kRebuildFromType,
  kParameter,
  kStorage,
  kTensorType,
};

using PickleId = std::uint32_t;  ///< index into PickleGraph::values

struct PickleNone {};  ///< also what is of no use here: bytes, sources, integers beyond 64 bits
struct PickleGlobalRef {
  PickleGlobal which;
  std::string_view dtype;  ///< safetensors spelling, of the last two only
};
/// Any other global: a name, and nothing besides.
struct PickleForeign {
  std::uint32_t index;  ///< into PickleGraph::names
};
struct PickleTuple {
  std::vector<PickleId> items;
};
struct PickleList {
  std::vector<PickleId> items;
};
struct PickleDict {
  std::vector<std::pair<PickleId, PickleId>> items;
};
struct PickleStorage {
  std::uint32_t index;  ///< into PickleGraph::storages
};
struct PickleTensor {
  std::uint32_t index;  ///< into PickleGraph::tensors
};
struct PickleParameter {
  std::optional<PickleTensor> tensor;  ///< empty between construction and state
};
/// The record of an object of a class that is only a name here: what it was given.
struct PickleObject {
  PickleId type;
  std::optional<PickleId> state;                       ///< of BUILD
  std::vector<std::pair<PickleId, PickleId>> entries;  ///< where it is some kind of dict
};
using PickleValue = std::variant<PickleNone, bool, std::int64_t, double, std::string, PickleTuple,
                                 PickleList, PickleDict, PickleGlobalRef, PickleForeign,
                                 PickleObject, PickleStorage, PickleTensor, PickleParameter>;

/// A named run of elements outside the pickle; tensors see elements [begin, begin + count) of it.
struct StorageRef {
  std::string key;
  std::string_view dtype;
  std::int64_t numel = 0;
  std::int64_t begin = 0, count = 0;
};

/// Element (i0, i1, ...) sits at offset + sum(i_k * stride_k). Unchecked until it is collected.
struct TensorRef {
  StorageRef storage;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape, stride;
};

/// All values of one pickle; they refer to each other by index, so sharing costs nothing and
/// destruction never recurses.
struct PickleGraph {
  std::vector<PickleValue> values;
  std::vector<std::uint64_t> positions;  ///< in the file, behind the opcode that made each value
  std::vector<std::string> names;        ///< "module name" of the foreign globals
  std::vector<StorageRef> storages;
  std::vector<TensorRef> tensors;
  std::size_t searched_values = 0;  ///< for data that would get lost in records
  std::size_t copied_entries = 0;   ///< of dicts made from lists, which a memo makes free to repeat
  PickleId root = 0;

  const PickleValue& operator[](PickleId id) const { return values[id]; }
  /// The value as T, or null where it is of another type.
  template <typename T>
  const T* as(PickleId id) const {
    return std::get_if<T>(&values[id]);
  }
};

/// Turns a persistent id into a storage or tensor of the graph; it throws through `where`.
using PersistentIdReader =
    std::function<PickleValue(PickleGraph& graph, PickleId id, const ByteReader& where)>;

/// Interprets one pickle of protocol 2 to 5 from `reader` up to and including its STOP, over the
/// closed value type above (docs/weights.md "Pickle"). Limits: 2^20 opcodes, stack 2^16, marks 64,
/// memo 2^18, texts of 4096 bytes (longer ones are passed over) and 8 MiB together, containers
/// 2^16, 2^20 values in arguments, 4096 tensors. Throws Error with the byte offset; an unknown
/// opcode ends the file.
PickleGraph read_pickle(ByteReader& reader, const PersistentIdReader& persistent_id);

}  // namespace frost
