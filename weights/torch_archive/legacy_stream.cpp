#include "weights/torch_archive/legacy_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/host_dtype.h"
#include "engine/io/printable.h"
#include "weights/torch_archive/pickle_objects.h"
#include "weights/torch_archive/pretrained_config.h"
#include "weights/torch_archive/state_dict.h"
#include "weights/torch_archive/system_info.h"

namespace frost {
namespace {

/// The number as every protocol spells it, after the two bytes of the protocol and perhaps a frame.
constexpr std::array<std::uint8_t, 13> kMagic = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                                 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};
constexpr std::size_t kProtocolSize = 2, kFrameSize = 9;
constexpr std::int64_t kProtocol = 1001;

/// The storage of that key; all its mentions must agree, as the file states its size only once.
const StorageRef& find_storage(const PickleGraph& graph, const std::string& key,
                               const ByteReader& where) {
  const StorageRef* found = nullptr;
  for (const StorageRef& storage : graph.storages) {
    if (storage.key != key) continue;
    if (found && (found->dtype != storage.dtype || found->numel != storage.numel)) {
      where.reject("storage " + key + " is declared with two sizes or types");
    }
    found = &storage;
  }
  if (!found) where.reject("storage " + printable(key) + " belongs to no tensor");
  return *found;
}

StorageBytes read_storages(ByteReader& reader, const SharedBytes& image, const PickleGraph& object,
                           const PickleGraph& keys) {
  const auto* list = keys.as<PickleList>(keys.root);
  if (!list) reader.reject("list of storage keys expected");
  StorageBytes storages;
  for (const PickleId id : list->items) {
    const auto* key = keys.as<std::string>(id);
    if (!key || key->size() > 20) reader.reject("storage key that is no short text");
    const StorageRef& storage = find_storage(object, *key, reader);
    const auto count = reader.read<std::int64_t>();
    if (count != storage.numel) {
      reader.reject(fmt::format("storage {} has {} elements, its tensors say {}", storage.key,
                                count, storage.numel));
    }
    const std::size_t element = dtype_bytes(storage.dtype).value();
    if (static_cast<std::uint64_t>(count) > reader.remaining() / element) {
      reader.reject(fmt::format("truncated: storage {} of {} elements ends beyond the file",
                                storage.key, count));
    }
    const auto bytes = reader.take(static_cast<std::uint64_t>(count) * element);
    if (!storages.emplace(*key, image.part(bytes)).second)
      reader.reject("storage " + *key + " occurs twice");
  }
  return storages;
}

/// Bytes of the pickle of the magic number at the beginning, 0 where there is another beginning.
std::size_t magic_size(std::span<const std::byte> image) {
  const auto at = [&](std::size_t i) { return std::to_integer<int>(image[i]); };
  if (image.size() <= kProtocolSize || at(0) != 0x80 || at(1) < 2 || at(1) > 5) return 0;
  const std::size_t begin = kProtocolSize + (at(2) == 0x95 ? kFrameSize : 0);
  if (image.size() < begin + kMagic.size()) return 0;
  const bool equal = std::equal(kMagic.begin(), kMagic.end(), image.subspan(begin).begin(),
                                [](std::uint8_t a, std::byte b) { return std::byte{a} == b; });
  return equal ? begin + kMagic.size() : 0;
}

}  // namespace

bool is_legacy_stream(std::span<const std::byte> image) {
  return magic_size(image) != 0;
}

ArchiveObject read_legacy_stream(const SharedBytes& image, const std::string& origin) {
  ByteReader reader(image, origin);
  reader.seek(magic_size(image));
  const PickleGraph protocol = read_pickle(reader, no_persistent_ids);
  const auto* version = protocol.as<std::int64_t>(protocol.root);
  if (!version || *version != kProtocol) reader.reject("legacy stream of an unknown protocol");
  require_system_info(reader, kProtocol);
  const PickleGraph object =
      read_pickle(reader, [](PickleGraph& graph, PickleId id, const ByteReader& where) {
        return storage_from_persistent_id(graph, id, true, where);
      });
  const PickleGraph keys = read_pickle(reader, no_persistent_ids);
  const StorageBytes storages = read_storages(reader, image, object, keys);
  if (reader.remaining() != 0) reader.reject("bytes follow the last storage");
  return {collect_tensors(object, storages, origin), pretrained_config(object), stand_ins(object)};
}

}  // namespace frost
