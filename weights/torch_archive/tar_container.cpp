#include "weights/torch_archive/tar_container.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <vector>

#include "engine/host_dtype.h"
#include "engine/io/printable.h"
#include "weights/torch_archive/pickle_objects.h"
#include "weights/torch_archive/pretrained_config.h"
#include "weights/torch_archive/state_dict.h"
#include "weights/torch_archive/system_info.h"

namespace frost {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::int64_t kMaxTensors = 4096;
constexpr std::int64_t kProtocol = 1000;

struct Member {
  std::span<const std::byte> bytes;
  std::uint64_t position;
};
using Members = std::map<std::string, Member>;

std::string_view field(std::string_view block, std::size_t begin, std::size_t length) {
  const std::string_view text = block.substr(begin, length);
  return text.substr(0, text.find('\0'));
}

/// Octal digits, padded with spaces or NUL.
std::uint64_t octal(const ByteReader& reader, std::string_view block, std::size_t begin,
                    std::size_t length) {
  std::string_view text = field(block, begin, length);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value, 8);
  if (text.empty() || error != std::errc() || end != text.end()) {
    reader.reject("number in a tar header is not octal");
  }
  return value;
}

void require_checksum(const ByteReader& reader, std::string_view block) {
  constexpr std::size_t kAt = 148, kLength = 8;
  std::uint64_t sum = kLength * ' ';  // the field itself counts as spaces
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (i < kAt || i >= kAt + kLength) sum += static_cast<unsigned char>(block[i]);
  }
  if (sum != octal(reader, block, kAt, kLength)) reader.reject("checksum of a tar header is wrong");
}

/// Extended headers may carry times and owners; a record that changes what a member is does not
/// pass.
void require_harmless_records(ByteReader reader) {
  static constexpr std::string_view kHarmless[] = {"mtime", "atime", "ctime", "uid",
                                                   "gid",   "uname", "gname"};
  while (reader.remaining() != 0) {
    const std::string_view line = reader.line(kBlock);
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(line.begin(), line.end(), length);
    const std::string_view rest(end, static_cast<std::size_t>(line.end() - end));
    const std::size_t equals = rest.find('=');
    if (error != std::errc() || length != line.size() + 1 || rest.empty() || rest[0] != ' ' ||
        equals == rest.npos) {
      reader.reject("damaged extended tar header");
    }
    const std::string_view key = rest.substr(1, equals - 1);
    if (std::find(std::begin(kHarmless), std::end(kHarmless), key) == std::end(kHarmless)) {
      reader.reject("extended tar header sets " + printable(key));
    }
  }
}

Members read_members(ByteReader reader) {
  Members members;
  while (reader.remaining() != 0) {
    const std::uint64_t at = reader.position();
    const std::string_view block = reader.text(kBlock);
    if (block.find_first_not_of('\0') == block.npos) break;
    require_checksum(reader, block);
    if (block.substr(257, 5) != "ustar") reader.reject_at(at, "tar header without 'ustar'");
    const std::uint64_t size = octal(reader, block, 124, 12);
    const std::uint64_t begin = reader.position();
    const auto bytes = reader.take(size);
    reader.take((kBlock - size % kBlock) % kBlock);
    const char type = block[156];
    if (type == 'x' || type == 'g') {
      require_harmless_records(ByteReader(bytes, reader.origin(), begin));
      continue;
    }
    if (type != '0' && type != '\0') reader.reject_at(at, "tar member that is no plain file");
    const std::string name(field(block, 0, 100));
    const bool known =
        name == "sys_info" || name == "pickle" || name == "tensors" || name == "storages";
    if (!known || !field(block, 345, 155).empty()) {
      reader.reject_at(at, "unknown tar member " + printable(name));
    }
    if (!members.emplace(name, Member{bytes, begin}).second) {
      reader.reject_at(at, "tar member " + name + " occurs twice");
    }
  }
  const std::string_view rest = reader.text(reader.remaining());
  if (rest.find_first_not_of('\0') != rest.npos) reader.reject("bytes follow the tar archive");
  return members;
}

ByteReader open(const Members& members, const char* name, const std::string& origin) {
  const auto it = members.find(name);
  if (it == members.end()) {
    reject_file(origin, 0, fmt::format("truncated: tar archive without member {}", name));
  }
  return {it->second.bytes, origin, it->second.position};
}

std::int64_t read_count(ByteReader& reader) {
  const PickleGraph graph = read_pickle(reader, no_persistent_ids);
  const auto* count = graph.as<std::int64_t>(graph.root);
  if (!count || *count < 0 || *count > kMaxTensors) reader.reject("count that is not 0 to 4096");
  return *count;
}

/// The integers `id` holds, a tuple of exactly `count`.
std::vector<std::int64_t> integers(const PickleGraph& graph, PickleId id, std::size_t count,
                                   const ByteReader& where) {
  const auto* tuple = graph.as<PickleTuple>(id);
  if (!tuple || tuple->items.size() != count) where.reject("tuple of another size expected");
  std::vector<std::int64_t> out;
  for (const PickleId item : tuple->items) {
    const auto* value = graph.as<std::int64_t>(item);
    if (!value) where.reject("integer expected");
    out.push_back(*value);
  }
  return out;
}

struct Storages {
  std::map<std::int64_t, StorageRef> by_key;  // views as well
  StorageBytes bytes;
};

void read_storage(ByteReader& reader, const SharedBytes& image, Storages& storages) {
  const PickleGraph graph = read_pickle(reader, no_persistent_ids);
  const auto* tuple = graph.as<PickleTuple>(graph.root);
  if (!tuple || tuple->items.size() != 3) reader.reject("storage that is no triple");
  const auto* key = graph.as<std::int64_t>(tuple->items[0]);
  const auto* type = graph.as<PickleGlobalRef>(tuple->items[2]);
  if (!key || !graph.as<std::string>(tuple->items[1]) || !type ||
      type->which != PickleGlobal::kStorage) {
    reader.reject("storage without key, location and type");
  }
  const auto count = reader.read<std::int64_t>();
  const std::size_t element = dtype_bytes(type->dtype).value();
  if (count < 0 || static_cast<std::uint64_t>(count) > reader.remaining() / element) {
    reader.reject(fmt::format("storage of {} elements ends beyond its member", count));
  }
  const std::string name = std::to_string(*key);
  storages.bytes[name] = image.part(reader.take(static_cast<std::uint64_t>(count) * element));
  if (!storages.by_key.emplace(*key, StorageRef{name, type->dtype, count, 0, count}).second) {
    reader.reject("storage " + name + " occurs twice");
  }
}

Storages read_storages(ByteReader reader, const SharedBytes& image) {
  Storages storages;
  for (std::int64_t left = read_count(reader); left > 0; --left) {
    read_storage(reader, image, storages);
  }
  const PickleGraph graph = read_pickle(reader, no_persistent_ids);
  const auto* views = graph.as<PickleList>(graph.root);
  if (!views || reader.remaining() != 0) reader.reject("list of storage views expected at the end");
  for (const PickleId id : views->items) {
    const auto view = integers(graph, id, 4, reader);  // target, root, offset, numel
    const auto root = storages.by_key.find(view[1]);
    if (root == storages.by_key.end() || view[2] < 0 || view[3] < 0 ||
        view[2] > root->second.count || view[3] > root->second.count - view[2]) {
      reader.reject("storage view beyond its storage");
    }
    StorageRef window = root->second;
    window.begin += view[2];
    window.count = view[3];
    if (!storages.by_key.emplace(view[0], window).second) reader.reject("view key occurs twice");
  }
  return storages;
}

std::vector<std::int64_t> read_sizes(ByteReader& reader, std::int32_t rank, std::int64_t largest) {
  std::vector<std::int64_t> out;
  for (std::int32_t k = 0; k < rank; ++k) {
    out.push_back(reader.read<std::int64_t>());
    if (out.back() < 0 || out.back() > largest) {
      reader.reject(fmt::format("size or stride {}", out.back()));
    }
  }
  return out;
}

/// Tensors by their key as text, the form in which the object refers to them.
std::map<std::string, TensorRef> read_tensors(ByteReader reader, const Storages& storages) {
  std::map<std::string, TensorRef> tensors;
  for (std::int64_t left = read_count(reader); left > 0; --left) {
    const PickleGraph graph = read_pickle(reader, no_persistent_ids);
    const auto* tuple = graph.as<PickleTuple>(graph.root);
    if (!tuple || tuple->items.size() != 3) reader.reject("tensor that is no triple");
    const auto* key = graph.as<std::int64_t>(tuple->items[0]);
    const auto* storage_key = graph.as<std::int64_t>(tuple->items[1]);
    const auto* type = graph.as<PickleGlobalRef>(tuple->items[2]);
    if (!key || !storage_key || !type || type->which != PickleGlobal::kTensorType) {
      reader.reject("tensor without key, storage and type");
    }
    const auto storage = storages.by_key.find(*storage_key);
    if (storage == storages.by_key.end() || storage->second.dtype != type->dtype) {
      reader.reject(fmt::format("tensor {} without a storage of its type", *key));
    }
    const auto rank = reader.read<std::int32_t>();
    if (rank < 0 || rank > 8) reader.reject(fmt::format("tensor of {} dimensions", rank));
    reader.take(4);  // the rank was once eight bytes wide
    TensorRef tensor;
    tensor.storage = storage->second;
    tensor.shape = read_sizes(reader, rank, std::numeric_limits<std::int32_t>::max());
    tensor.stride = read_sizes(reader, rank, std::numeric_limits<std::int64_t>::max());
    tensor.offset = reader.read<std::int64_t>();
    if (!tensors.emplace(std::to_string(*key), tensor).second) reader.reject("tensor occurs twice");
  }
  if (reader.remaining() != 0) reader.reject("bytes follow the last tensor");
  return tensors;
}

}  // namespace

bool is_tar_container(std::span<const std::byte> image) {
  constexpr std::string_view kSignature = "ustar";
  return image.size() >= kBlock &&
         std::equal(kSignature.begin(), kSignature.end(), image.begin() + 257,
                    [](char a, std::byte b) { return static_cast<std::byte>(a) == b; });
}

ArchiveObject read_tar_container(const SharedBytes& image, const std::string& origin) {
  const Members members = read_members(ByteReader(image, origin));
  ByteReader info = open(members, "sys_info", origin);
  require_system_info(info, kProtocol);
  const Storages storages = read_storages(open(members, "storages", origin), image);
  const auto tensors = read_tensors(open(members, "tensors", origin), storages);
  ByteReader reader = open(members, "pickle", origin);
  const PickleGraph graph =
      read_pickle(reader, [&](PickleGraph& g, PickleId id, const ByteReader& where) -> PickleValue {
        const auto* key = g.as<std::string>(id);
        const auto tensor = key ? tensors.find(*key) : tensors.end();
        if (tensor == tensors.end()) where.reject("persistent id that is no known tensor");
        if (g.tensors.size() == kMaxTensors) where.reject("more than 4096 tensors");
        g.tensors.push_back(tensor->second);
        return PickleTensor{static_cast<std::uint32_t>(g.tensors.size() - 1)};
      });
  if (reader.remaining() != 0) reader.reject("bytes follow the pickle");
  return {collect_tensors(graph, storages.bytes, origin), pretrained_config(graph),
          stand_ins(graph)};
}

}  // namespace frost
