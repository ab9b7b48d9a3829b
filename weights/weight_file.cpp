#include "weights/weight_file.h"

#include <string_view>
#include <utility>

#include "engine/io/atomic_file.h"
#include "weights/foreign_formats.h"
#include "weights/safetensors.h"
#include "weights/sha256.h"
#include "weights/torch_archive/archive_object.h"
#include "weights/torch_archive/byte_reader.h"
#include "weights/torch_archive/legacy_stream.h"
#include "weights/torch_archive/tar_container.h"
#include "weights/torch_archive/unpacked_archive.h"
#include "weights/torch_archive/zip_archive.h"

namespace frost {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// All that the object of torch.save holds, whatever the container is.
WeightFile file_of(std::string format, ArchiveObject object) {
  WeightFile file{std::move(format), std::move(object.tensors), std::move(object.config)};
  file.stand_ins = std::move(object.stand_ins);
  return file;
}

WeightFile read_zip(const SharedBytes& image, const std::string& origin) {
  ZipArchive archive(image, origin);
  ArchiveObject object = read_archive_object(archive, origin);
  WeightFile file = file_of(object.torchscript ? "TorchScript" : "torch zip", std::move(object));
  if (archive.without_checksums()) {
    file.notes.push_back("written with checksums switched off: damage would not be noticed");
  }
  if (archive.copied() != 0) file.notes.push_back("compressed by hand; inflated while reading");
  return file;
}

bool begins_with(std::span<const std::byte> image, std::string_view signature) {
  return text_of(image).starts_with(signature);
}

[[noreturn]] void reject_unknown_format(std::span<const std::byte> image,
                                        const std::string& origin) {
  if (image.empty()) reject_file(origin, 0, "is empty");
  if (image.size() > 1 && image[0] == std::byte{0x80} && image[1] >= std::byte{2} &&
      image[1] <= std::byte{5}) {
    reject_file(origin, 0, "is a bare pickle, not a file of torch.save", kConvert);
  }
  reject_file(origin, 0, "is neither safetensors nor a file of torch.save");
}

bool is_safetensors(std::span<const std::byte> image) {
  return image.size() > 8 && image[8] == std::byte{'{'} && !begins_with(image, "PYTORCH1");
}

}  // namespace

WeightFile parse_weight_file(const SharedBytes& image, const std::string& origin) {
  if (is_legacy_stream(image)) {
    return file_of("torch legacy stream", read_legacy_stream(image, origin));
  }
  if (is_tar_container(image)) return file_of("torch tar", read_tar_container(image, origin));
  if (is_safetensors(image)) {
    SafetensorsFile file = parse_safetensors(image, origin);
    return {"safetensors", std::move(file.tensors), std::move(file.metadata)};
  }
  reject_foreign_format(image, origin);
  if (begins_with(image, "PK\3\4")) return read_zip(image, origin);
  reject_unknown_format(image, origin);
}

WeightFile open_weight_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    if (!is_unpacked_archive(path)) reject_foreign_folder(path);
    UnpackedArchive archive = read_unpacked_archive(path, kMaxWeightFileBytes);
    const char* format = archive.object.torchscript ? "unpacked TorchScript" : "unpacked torch zip";
    WeightFile file = file_of(format, std::move(archive.object));
    file.sha256 = std::move(archive.sha256);
    return file;
  }
  const SharedBytes image = read_regular_file(path, kMaxWeightFileBytes);
  WeightFile found = parse_weight_file(image, path.string());
  found.sha256 = sha256_hex(image);
  return found;
}

StateDict read_weight_file(const std::filesystem::path& path) {
  return open_weight_file(path).tensors;
}

}  // namespace frost
