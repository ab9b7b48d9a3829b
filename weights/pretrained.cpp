#include "weights/pretrained.h"

#include <cstdlib>

#include "engine/io/printable.h"
#include "engine/io/regular_file.h"
#include "kernels/errors.h"
#include "weights/safetensors.h"
#include "weights/sha256.h"

namespace frost {
namespace {

constexpr std::size_t kLargestBlob = std::size_t{1} << 30;

std::filesystem::path locate(const std::string& configured) {
  if (!configured.empty()) return configured;
  const std::filesystem::path imported = "weights/resnet18.safetensors";
  if (std::filesystem::exists(imported)) return imported;
  std::string tried = full_path(imported);
  if (const char* data = std::getenv("FROST_DATA"); data != nullptr && *data != '\0') {
    const auto shared = std::filesystem::path(data) / "weights/resnet18_imagenet.safetensors";
    if (std::filesystem::exists(shared)) return shared;
    tried += " and " + full_path(shared);
  } else {
    tried += " (FROST_DATA is not set)";
  }
  throw Error("no pretrained weights found: tried " + tried +
              "; run bin/import_weights resnet18.pth, set actor_critic.weights_path, or train from "
              "scratch with --set actor_critic.pretrained_weights=random");
}

/// Files that are easily taken for what they are not.
constexpr struct {
  const char *sha256, *source;
} kKnown[] = {
    {"a50278b4630bd947f297ef503c57cea1536bdd98c943d9add1bab6771870bef7",
     "kill-the-bits, a quantised ResNet18 of 65.8 % ImageNet top-1, not torchvision's of 69.8 %; "
     "non-commercial licence"},
};

std::string source_of(const SafetensorsFile& file, const std::string& sha256) {
  for (const auto& known : kKnown) {
    if (sha256 == known.sha256) return known.source;
  }
  const auto said = file.metadata.find("source");
  return said == file.metadata.end() ? "source not stated" : said->second;
}

}  // namespace

PretrainedWeights find_pretrained_weights(const std::string& configured) {
  PretrainedWeights found;
  found.path = locate(configured);
  const SharedBytes image = RegularFile(found.path, kLargestBlob).map();
  found.sha256 = sha256_hex(image);
  SafetensorsFile file = parse_safetensors(image, found.path.string());
  found.source = source_of(file, found.sha256);
  found.tensors = std::move(file.tensors);
  return found;
}

}  // namespace frost
