#include "weights/pretrained.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "weights/matching/modules.h"
#include "weights/preprocessing_record.h"
#include "weights/resnet_blob.h"
#include "weights/weight_file.h"

namespace frost {
namespace {

/// Both files torchvision has published as IMAGENET1K_V1; they hold the same network.
constexpr std::array<std::string_view, 2> kTorchvisionDigests = {
    "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    "5c106cde386e87d4033832f2996f5493238eda96ccf559d1d62760c4de0613f8"};

std::string architecture_of(int depth) {
  return "resnet" + std::to_string(depth);
}

std::filesystem::path imported_path(const std::string& architecture) {
  return "weights/" + architecture + ".safetensors";
}

std::filesystem::path locate(const std::string& configured, const std::string& architecture) {
  if (!configured.empty()) return configured;
  const std::filesystem::path imported = imported_path(architecture);
  if (std::filesystem::exists(imported)) return imported;
  std::string tried = full_path(imported);
  if (const char* data = std::getenv("FROST_DATA"); data != nullptr && *data != '\0') {
    const auto shared =
        std::filesystem::path(data) / "weights" / (architecture + "_imagenet.safetensors");
    if (std::filesystem::exists(shared)) return shared;
    tried += " and " + full_path(shared);
  } else {
    tried += " (FROST_DATA is not set)";
  }
  throw Error("no pretrained weights found: tried " + tried + "; run bin/import_weights " +
              architecture +
              ".pth, set actor_critic.weights_path, or train from scratch with --set "
              "actor_critic.pretrained_weights=random");
}

/// Files that are easily taken for what they are not.
constexpr struct {
  const char *sha256, *source;
} kKnown[] = {
    {"a50278b4630bd947f297ef503c57cea1536bdd98c943d9add1bab6771870bef7",
     "kill-the-bits, a quantised ResNet18 of 65.8 % ImageNet top-1, not torchvision's of 69.8 %; "
     "non-commercial licence"},
};

std::string entry_of(const Metadata& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "" : found->second;
}

/// Empty where nobody says it.
std::string source_of(const Metadata& metadata, const std::string& sha256) {
  for (const auto& known : kKnown) {
    if (sha256 == known.sha256) return known.source;
  }
  if (is_torchvision(sha256)) return "torchvision IMAGENET1K_V1";
  return entry_of(metadata, "source");
}

/// Whether `prefix` has the parts of R3M's tree, "r3m.module.convnet.".
bool is_r3m(const std::string& prefix) {
  const std::string path = "." + prefix;
  return path.find(".r3m.") != path.npos && path.ends_with(".convnet.");
}

/// What the file says of itself; else what its tree of names says.
Preprocessing preprocessing_of(const Metadata& metadata, const std::string& prefix,
                               const std::string& origin) {
  return read_preprocessing(
      metadata, origin,
      is_r3m(prefix) ? r3m_preprocessing() : timm_preprocessing(metadata, origin));
}

/// "3 left out ('epoch', 'optimizer', ...)".
std::string dropped_text(const std::vector<std::string>& dropped) {
  constexpr std::size_t kShown = 3;
  std::vector<std::string> shown;
  std::size_t count = 0;
  for (const std::string& name : dropped) {
    if (name.ends_with(kCounterPart)) continue;
    if (++count <= kShown) shown.push_back(printable(name));
  }
  if (count == 0) return "";
  return fmt::format("; {} left out ({}{})", count, fmt::join(shown, ", "),
                     count > kShown ? ", ..." : "");
}

}  // namespace

bool is_torchvision(const std::string& digest) {
  return std::ranges::find(kTorchvisionDigests, digest) != kTorchvisionDigests.end();
}

PretrainedWeights examine_weights(const std::filesystem::path& path, const MapOptions& options) {
  PretrainedWeights weights;
  weights.path = path;
  WeightFile file = open_weight_file(path);
  weights.sha256 = file.sha256;
  weights.format = file.format;
  weights.source = source_of(file.metadata, weights.sha256);
  weights.licence = entry_of(file.metadata, "licence");
  for (const auto& [name, tensor] : file.tensors) weights.dtypes[name] = tensor.dtype;
  weights.mapping = map_resnet(std::move(file.tensors), options);
  // Where nothing comes near, that explains it.
  if (weights.mapping.depth == 0 && !file.stand_ins.empty()) {
    weights.mapping.causes = std::move(file.stand_ins);
  }
  auto& notes = weights.mapping.notes;
  notes.insert(notes.begin(), file.notes.begin(), file.notes.end());
  weights.preprocessing = preprocessing_of(file.metadata, weights.mapping.prefix, path.string());
  return weights;
}

PretrainedWeights read_pretrained(const std::filesystem::path& path) {
  PretrainedWeights weights = examine_weights(path);
  require_complete(weights.mapping, path.string());
  return weights;
}

PretrainedWeights find_pretrained_weights(const std::string& configured,
                                          const std::string& architecture) {
  PretrainedWeights weights = read_pretrained(locate(configured, architecture));
  const std::string held = architecture_of(weights.mapping.depth);
  if (held == architecture) return weights;
  throw Error(
      fmt::format("{} holds a {}, the network has bodies of {}: set "
                  "actor_critic.backbone.architecture to {}, or name another file",
                  weights.path.string(), held, architecture, held));
}

std::filesystem::path default_weights_path(int depth) {
  return imported_path(architecture_of(depth));
}

SafetensorsFile to_blob(PretrainedWeights weights) {
  SafetensorsFile blob = resnet_blob(std::move(weights.mapping.tensors), weights.mapping.depth);
  blob.metadata["source_format"] = weights.format;
  blob.metadata["source_sha256"] = weights.sha256;
  if (!weights.source.empty()) blob.metadata["source"] = weights.source;
  if (!weights.licence.empty()) blob.metadata["licence"] = weights.licence;
  write_preprocessing(weights.preprocessing, blob.metadata);
  return blob;
}

std::string mapping_summary(const PretrainedWeights& weights) {
  const ResNetMapping& mapping = weights.mapping;
  const auto renamed = std::ranges::count_if(
      mapping.mapped, [](const auto& names) { return names.first != names.second; });
  const std::string left_out = dropped_text(mapping.dropped);
  const bool other = weights.preprocessing != Preprocessing{};
  if (renamed == 0 && left_out.empty() && mapping.notes.empty() && !other) return "";
  std::string text =
      fmt::format("{} of {} tensors", architecture_of(mapping.depth), mapping.mapped.size());
  if (!mapping.prefix.empty()) text += " below " + printable(mapping.prefix);
  if (renamed != 0) text += fmt::format(", {} under another name", renamed);
  text += left_out;
  for (const std::string& note : mapping.notes) text += "; " + note;
  if (other) text += "; preprocessing: " + to_string(weights.preprocessing);
  return text;
}

}  // namespace frost
