#include "tools/pretrained.h"

#include <cstdlib>

#include "engine/io/regular_file.h"
#include "engine/io/sha256.h"
#include "kernels/status.h"

namespace frost {
namespace {

constexpr std::size_t kLargestBlob = std::size_t{1} << 30;

std::filesystem::path locate(const std::string& configured) {
  if (!configured.empty()) return configured;
  const std::filesystem::path imported = "weights/resnet18.safetensors";
  if (std::filesystem::exists(imported)) return imported;
  if (const char* data = std::getenv("FROST_DATA"); data != nullptr && *data != '\0') {
    const auto shared = std::filesystem::path(data) / "weights/resnet18_imagenet.safetensors";
    if (std::filesystem::exists(shared)) return shared;
  }
  throw Error(
      "no pretrained weights found (weights/resnet18.safetensors, $FROST_DATA/weights): run "
      "bin/import_weights resnet18.pth, set actor_critic.weights_path, or train from scratch with "
      "--set actor_critic.pretrained_weights=random");
}

}  // namespace

PretrainedWeights find_pretrained_weights(const std::string& configured) {
  PretrainedWeights found;
  found.path = locate(configured);
  const SharedBytes image = RegularFile(found.path, kLargestBlob).map();
  found.sha256 = sha256_hex(image);
  found.tensors = parse_safetensors(image, found.path.string()).tensors;
  return found;
}

}  // namespace frost
