#include "weights/torch_archive/archive_object.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "engine/io/printable.h"
#include "weights/torch_archive/pickle_objects.h"
#include "weights/torch_archive/pretrained_config.h"
#include "weights/torch_archive/state_dict.h"

namespace frost {
namespace {

std::string_view text_of(const ArchiveMember& member) {
  return {reinterpret_cast<const char*>(member.bytes.data()), member.bytes.size()};
}

ArchiveMember require(MemberReader& members, const std::string& name, const std::string& origin) {
  auto found = members.find(name);
  if (!found) reject_file(origin, 0, "no member " + printable(name) + " in the archive");
  return std::move(*found);
}

void require_known_archive(MemberReader& members, const std::string& origin) {
  if (const auto order = members.find("byteorder"); order && text_of(*order) != "little") {
    reject_file(origin, order->offset, "was not written in little-endian order",
                "convert it to safetensors on the machine that wrote it");
  }
  const ArchiveMember version = require(members, "version", origin);
  const std::string_view text = text_of(version);
  int number = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
  const std::string_view rest(end, static_cast<std::size_t>(text.end() - end));
  if (error != std::errc() || (!rest.empty() && rest != "\n") || number < 1 || number > 10) {
    reject_file(origin, version.offset, "has an unknown archive version");
  }
}

}  // namespace

ArchiveObject read_archive_object(MemberReader& members, const std::string& origin) {
  require_known_archive(members, origin);
  const ArchiveMember data = require(members, "data.pkl", origin);
  ByteReader reader(data.bytes, origin, data.offset);
  const PickleGraph graph =
      read_pickle(reader, [](PickleGraph& g, PickleId id, const ByteReader& where) {
        return storage_from_persistent_id(g, id, false, where);
      });
  if (reader.remaining() != 0) reader.reject("bytes follow the pickle");
  StorageBytes storages;
  for (const StorageRef& storage : graph.storages) {
    if (storages.contains(storage.key)) continue;
    storages.emplace(storage.key, require(members, "data/" + storage.key, origin).bytes);
  }
  ArchiveObject object{collect_tensors(graph, storages, origin, members.copied()),
                       pretrained_config(graph), stand_ins(graph), members.has("constants.pkl")};
  if (object.torchscript && members.has("constants/0")) {
    object.stand_ins.emplace_back(
        "a frozen TorchScript, whose weights are constants of its code: take the one from before "
        "torch.jit.freeze");
  }
  return object;
}

}  // namespace frost
