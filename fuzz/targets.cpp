#include "fuzz/targets.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "engine/host_dtype.h"
#include "fuzz/expect.h"
#include "tools/config/config.h"
#include "tools/config/config_text.h"
#include "weights/matching/body_choice.h"
#include "weights/matching/body_search.h"
#include "weights/matching/diagnosis.h"
#include "weights/matching/head_search.h"
#include "weights/matching/modules.h"
#include "weights/resnet_names.h"
#include "weights/safetensors.h"
#include "weights/torch_archive/legacy_stream.h"
#include "weights/torch_archive/pickle_objects.h"
#include "weights/torch_archive/state_dict.h"
#include "weights/torch_archive/tar_container.h"
#include "weights/torch_archive/zip_archive.h"
#include "weights/weight_file.h"

namespace frost::fuzz {
namespace {

SharedBytes copy_of(Input input) {
  return std::vector<std::byte>(input.begin(), input.end());
}

/// Every tensor has exactly its bytes; then the importer gets them, as it would a real file's.
void expect_complete(StateDict state) {
  for (const auto& [name, tensor] : state) {
    const auto element = dtype_bytes(tensor.dtype);
    const auto numel = checked_product(tensor.shape);
    if (!element || !numel || tensor.bytes.size() != static_cast<std::size_t>(*numel) * *element) {
      throw Finding("tensor '" + name + "' is not complete");
    }
  }
  value_or_one_line([&] { require_complete(map_resnet(std::move(state)), "input"); });
}

constexpr std::int64_t kLargestStorage = 65536;
constexpr std::size_t kMostNames = 4096;  // as many as a file of torch.save may have

const SharedBytes& any_data() {
  static const SharedBytes data(std::vector<std::byte>(kLargestStorage, std::byte{1}));
  return data;
}

/// As much data for every storage as it declares, up to 64 KiB.
StorageBytes data_for(const std::vector<StorageRef>& storages) {
  StorageBytes bytes;
  for (const StorageRef& storage : storages) {
    const auto element = static_cast<std::int64_t>(dtype_bytes(storage.dtype).value());
    const std::int64_t size = std::min(storage.numel, kLargestStorage / element) * element;
    if (size < 0) throw Finding("a storage of negative size");
    bytes.emplace(storage.key, any_data().part(0, static_cast<std::size_t>(size)));
  }
  return bytes;
}

bool read_pickle_of(Input input, bool may_be_view) {
  return value_or_one_line([&] {
    ByteReader reader(input, "input");
    const PickleGraph graph =
        frost::read_pickle(reader, [&](PickleGraph& g, PickleId id, const ByteReader& where) {
          return storage_from_persistent_id(g, id, may_be_view, where);
        });
    expect_complete(collect_tensors(graph, data_for(graph.storages), "input"));
  });
}

}  // namespace

bool read_zip(Input input) {
  value_or_one_line([&] { const ZipArchive archive(copy_of(input), "input"); });
  return value_or_one_line(
      [&] { expect_complete(parse_weight_file(copy_of(input), "input").tensors); });
}

bool read_tar(Input input) {
  return value_or_one_line(
      [&] { expect_complete(read_tar_container(copy_of(input), "input").tensors); });
}

bool read_legacy(Input input) {
  return value_or_one_line(
      [&] { expect_complete(read_legacy_stream(copy_of(input), "input").tensors); });
}

bool read_pickle(Input input) {
  // The zip archive's spelling of storages, then the legacy stream's.
  return read_pickle_of(input, false) || read_pickle_of(input, true);
}

bool read_safetensors(Input input) {
  return value_or_one_line(
      [&] { expect_complete(parse_safetensors(copy_of(input), "input").tensors); });
}

bool find_names(Input input) {
  StateDict state;
  std::istringstream lines(std::string(reinterpret_cast<const char*>(input.data()), input.size()));
  for (std::string line; std::getline(lines, line) && state.size() < kMostNames;) {
    std::istringstream words(line);
    std::string name;
    std::vector<std::int64_t> shape;
    words >> name;
    for (std::int64_t size = 0; words >> size && shape.size() < 5;) shape.push_back(size);
    state[name].shape = shape;
  }
  return value_or_one_line([&] {
    const std::vector<FileModule> modules = list_modules(state);
    const BodySearch search = find_bodies(modules);
    for (const BodyPlace& place : search.found) {
      if (place.names.size() + 2 != resnet_tensors(place.depth).size()) {
        throw Finding("a body that is not complete");
      }
      for (const auto& [theirs, ours] : place.names) state.at(theirs);
      find_head(modules, place.path, resnet_features(place.depth), false);
    }
    ResNetMapping mapping;
    if (!choose_body(search.found, "", state)) {
      diagnose(state, search.nearest, mapping);
      if (mapping.complete()) throw Finding("a file that is refused for no reason");
    }
    require_complete(mapping, "input");
  });
}

bool read_config(Input input) {
  const std::string text(reinterpret_cast<const char*>(input.data()), input.size());
  return value_or_one_line([&] {
    const std::string resolved = to_yaml(parse_config(text, "input", {}));
    if (to_yaml(parse_config(resolved, "resolved", {})) != resolved) {
      throw Finding("a configuration that is not read back as written");
    }
  });
}

}  // namespace frost::fuzz
