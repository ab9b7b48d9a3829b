#include "weights/weight_file.h"

#include <charconv>
#include <string_view>

#include "engine/io/regular_file.h"
#include "weights/safetensors.h"
#include "weights/torch_archive/legacy_stream.h"
#include "weights/torch_archive/pickle_objects.h"
#include "weights/torch_archive/state_dict.h"
#include "weights/torch_archive/tar_container.h"
#include "weights/torch_archive/zip_archive.h"

namespace frost {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Where `part` begins in the file.
std::uint64_t offset_of(std::span<const std::byte> part, const SharedBytes& image) {
  return static_cast<std::uint64_t>(part.data() - image.data());
}

void require_known_archive(const ZipArchive& archive, const SharedBytes& image,
                           const std::string& origin) {
  const auto* order = archive.find("byteorder");
  if (order && text_of(*order) != "little") {
    reject_file(origin, offset_of(*order, image), "was not written in little-endian order",
                "convert it to safetensors on the machine that wrote it");
  }
  const std::string_view version = text_of(archive.member("version"));
  int number = 0;
  const auto [end, error] = std::from_chars(version.begin(), version.end(), number);
  const std::string_view rest(end, static_cast<std::size_t>(version.end() - end));
  if (error != std::errc() || (!rest.empty() && rest != "\n") || number < 1 || number > 10) {
    reject_file(origin, offset_of(archive.member("version"), image),
                "has an unknown archive version");
  }
}

StateDict read_zip(const SharedBytes& image, const std::string& origin) {
  const ZipArchive archive(image, origin);
  require_known_archive(archive, image, origin);
  const auto data = archive.member("data.pkl");
  ByteReader reader(data, origin, offset_of(data, image));
  const PickleGraph graph =
      read_pickle(reader, [](PickleGraph& g, PickleId id, const ByteReader& where) {
        return storage_from_persistent_id(g, id, false, where);
      });
  if (reader.remaining() != 0) reader.reject("bytes follow the pickle");
  StorageBytes storages;
  for (const StorageRef& storage : graph.storages) {
    storages.emplace(storage.key, archive.member("data/" + storage.key));
  }
  return collect_tensors(graph, storages, image, origin);
}

bool begins_with(std::span<const std::byte> image, std::string_view signature) {
  return text_of(image).starts_with(signature);
}

[[noreturn]] void reject_unknown_format(std::span<const std::byte> image,
                                        const std::string& origin) {
  const auto reject = [&](const char* fault, std::string_view remedy = kFetchAgain) {
    reject_file(origin, 0, fault, remedy);
  };
  if (image.empty()) reject("is empty");
  if (begins_with(image, "PYTORCH1")) reject("is a preview container of 2018 that nothing reads");
  if (begins_with(image, "\x89HDF")) reject("is an HDF5 file", "convert it to safetensors");
  if (begins_with(image, "\x93NUMPY")) reject("is a NumPy array, not a set of named weights");
  if (image.size() > 1 && image[0] == std::byte{0x80} && image[1] >= std::byte{2} &&
      image[1] <= std::byte{5}) {
    reject("is a bare pickle, not a file of torch.save", kConvert);
  }
  reject("is neither safetensors nor a file of torch.save");
  __builtin_unreachable();
}

bool is_safetensors(std::span<const std::byte> image) {
  return image.size() > 8 && image[8] == std::byte{'{'} && !begins_with(image, "PYTORCH1");
}

}  // namespace

WeightFile parse_weight_file(const SharedBytes& image, const std::string& origin) {
  if (begins_with(image, "PK\3\4")) return {"torch zip", read_zip(image, origin), {}};
  if (is_legacy_stream(image)) {
    return {"torch legacy stream", read_legacy_stream(image, origin), {}};
  }
  if (is_tar_container(image)) return {"torch tar", read_tar_container(image, origin), {}};
  if (is_safetensors(image)) {
    SafetensorsFile file = parse_safetensors(image, origin);
    return {"safetensors", std::move(file.tensors), std::move(file.metadata)};
  }
  reject_unknown_format(image, origin);
}

StateDict read_weight_file(const std::filesystem::path& path) {
  const RegularFile file(path, kMaxWeightFileBytes);
  const SharedBytes mapped = file.map();
  // The other readers look at some bytes twice: what they checked must not change under them.
  const SharedBytes image = is_safetensors(mapped) ? mapped : SharedBytes(file.read());
  return parse_weight_file(image, path.string()).tensors;
}

}  // namespace frost
