#include "fuzz/seeds.h"

#include <algorithm>
#include <filesystem>
#include <span>

#include "engine/io/atomic_file.h"
#include "fuzz/checkpoint_target.h"
#include "tests/golden_files.h"
#include "tests/weights/container_text.h"
#include "weights/resnet_names.h"
#include "weights/torch_archive/zip_archive.h"

namespace frost::fuzz {
namespace {

namespace fs = std::filesystem;
using namespace test;

constexpr std::uint64_t kLargest = 65536;

/// kSixFloats as one stored block of deflate: last block, its length and the length's complement.
const std::string kDeflatedFloats =
    "\1" + raw<std::uint16_t>(24) + raw<std::uint16_t>(0xffe7) + kSixFloats;

/// A legacy stream whose first pickle is of protocol 4.
std::string framed_legacy() {
  return "\x80\x04\x95" + raw<std::uint64_t>(13) + legacy_of({.view = kNoView}).substr(2);
}

std::vector<ZipMember> archive_of(const std::string& pickle) {
  return {{"a/data.pkl", pickle},
          {"a/byteorder", "little"},
          {"a/data/0", kSixFloats},
          {"a/version", "3\n"}};
}

/// Dicts in dicts, a list, numbers, and one tensor twice through the memo.
std::string nested_state() {
  const std::string tensor = TensorText().pickle();
  return pickled("}(" + text("epoch") + "K\5" + text("rate") + "G" + std::string(8, '\x3f') +
                 text("state_dict") + "ccollections\nOrderedDict\n)R(" + text("module.w") + tensor +
                 "q\1" + text("module.tied") + "h\1u" + text("list") + "](NN\x88\x89" + tensor +
                 "eu");
}

/// A module with a child that has a parameter, a scripted one, and one that refers to itself.
std::string module_state() {
  const std::string tensor = TensorText().pickle();
  const std::string child = "ctorch.nn\nConv2d\n)\x81}(" + text("_parameters") + "}(" + text("w") +
                            tensor + text("bias") + "Nu" + text("training") + "\x88ub";
  return pickled("cnet\nNet\n)\x81q\1}(" + text("_modules") + "}" + text("conv") + child + "s" +
                 text("me") + "h\1ub");
}

/// Protocol 5: a frame, the counted memo, short texts, bytes, a set and a global from the stack.
std::string newest_protocol() {
  const auto brief = [](const std::string& value) {
    return "\x8c" + raw(static_cast<std::uint8_t>(value.size())) + value + "\x94";
  };
  const std::string body = "}\x94(" + brief("w") + TensorText().pickle() + "\x94" + brief("set") +
                           "\x8f(K\1K\2\x90" + brief("raw") + "C\3abc" + brief("more") + "\x96" +
                           raw<std::uint64_t>(2) + "xy" + brief("type") + brief("net") +
                           brief("Net") + "\x93)\x81}bu";
  return "\x80\x05\x95" + raw<std::uint64_t>(body.size() + 1) + body + ".";
}

/// The names and sizes of a body, one a line; every name below `prefix`.
std::string names_of(int depth, const std::string& prefix) {
  std::string lines;
  for (const TensorSpec& spec : resnet_tensors(depth)) {
    lines += prefix + spec.name;
    for (const std::int64_t size : spec.shape) lines += " " + std::to_string(size);
    lines += "\n";
  }
  return lines;
}

std::vector<std::byte> image_of(const SafetensorsFile& file) {
  const TemporaryFolder folder;
  write_safetensors(folder / "seed", file);
  return read_regular_file(folder / "seed", kLargest);
}

SafetensorsFile tensors_of_all_kinds() {
  SafetensorsFile file;
  file.tensors["floats"] = HostTensor::from_floats({2, 3}, {1, 2, 3, 4, 5, 6});
  file.tensors["scalar"] = HostTensor::from_int64({}, {7});
  file.tensors["empty"] = HostTensor::from_floats({0, 3}, {});
  file.tensors["doubles"] = HostTensor::from_doubles({1, 2});
  file.tensors["bytes"] = HostTensor::from_bytes({1, 2, 3});
  file.metadata = {{"format", "pt"}};
  return file;
}

class Collection {
 public:
  void add(const char* target, const std::string& name, const std::string& content) {
    seeds_.push_back({target, name, bytes_of(content)});
  }
  void add(const char* target, const std::string& name, std::vector<std::byte> content) {
    seeds_.push_back({target, name, std::move(content)});
  }
  /// The small regular files of `folder` whose names begin and end so, in order of their names.
  void add_files(const char* target, const fs::path& folder, const std::string& begin,
                 const std::string& end) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with(begin) || !name.ends_with(end)) continue;
      if (entry.is_regular_file() && entry.file_size() <= kLargest) paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) {
      add(target, path.filename().string(), read_regular_file(path, kLargest));
    }
  }
  std::vector<Seed> take() { return std::move(seeds_); }

 private:
  std::vector<Seed> seeds_;
};

void add_closed_forms(Collection& seeds) {
  TensorText strided;
  strided.shape = {3, 2, 2};
  strided.stride = {1, 3, 0};
  const TensorText window{
      .shape = {2}, .stride = {1}, .view = "(" + text("1") + integer(3) + integer(2) + "t"};
  TarText view{.storage_key = 8, .rank = 1, .shape = {2}, .stride = {1}};
  view.views = "](" + tuple({8, 7, 3, 2}) + "e";

  seeds.add("zip", "plain", zip_of(archive_of(state_of({}))));
  seeds.add("zip", "nested", zip_of(archive_of(nested_state()), "comment"));
  seeds.add("legacy", "plain", legacy_of({.view = kNoView}));
  seeds.add("legacy", "window", legacy_of(window));
  seeds.add("tar", "plain", TarText{}.file());
  seeds.add("tar", "view", view.file());
  seeds.add("pickle", "plain", state_of({.view = kNoView}));
  seeds.add("pickle", "strided", state_of(strided));
  seeds.add("pickle", "window", state_of(window));
  seeds.add("pickle", "nested", nested_state());
  std::vector<ZipMember> scripted = archive_of(module_state());
  scripted.push_back({"a/constants.pkl", pickled(")")});
  std::vector<ZipMember> by_hand = archive_of(newest_protocol());
  by_hand.push_back({"a/data/", ""});
  by_hand[2] = {.name = "a/data/0", .data = kDeflatedFloats, .method = 8, .plain = kSixFloats};
  std::vector<ZipMember> unchecked = archive_of(state_of({}));
  for (ZipMember& member : unchecked) member.no_crc = true;
  seeds.add("zip", "scripted", zip_of(scripted));
  seeds.add("zip", "by_hand", zip_of(by_hand));
  seeds.add("zip", "unchecked", zip_of(unchecked));
  seeds.add("legacy", "framed", framed_legacy());
  seeds.add("pickle", "module", module_state());
  seeds.add("pickle", "newest", newest_protocol());
  seeds.add("names", "plain", names_of(18, ""));
  seeds.add("names", "deep",
            names_of(50, "a.net.") + "a.head.fc.weight 9 2048\na.head.fc.bias 9\n");
  seeds.add("names", "twins", names_of(34, "online.") + names_of(34, "momentum."));
  seeds.add("safetensors", "kinds", image_of(tensors_of_all_kinds()));
  seeds.add("safetensors", "none", image_of({}));
  seeds.add("checkpoint", "fresh", image_of(example_checkpoint()));
  seeds.add("checkpoint", "unfinished", image_of(example_unfinished_checkpoint()));
}

void add_samples(Collection& seeds, const fs::path& folder) {
  seeds.add_files("zip", folder, "tiny_zip", ".pth");
  seeds.add_files("legacy", folder, "tiny_legacy", ".pth");
  seeds.add_files("tar", folder, "tiny_tar", ".pth");
  seeds.add_files("safetensors", folder, "tiny_", ".safetensors");
  const auto image = read_regular_file(folder / "tiny_zip.pth", kLargest);
  const auto pickle = ZipArchive(image, "tiny_zip.pth").find("data.pkl").value().bytes;
  seeds.add("pickle", "tiny_zip", std::vector(pickle.begin(), pickle.end()));
}

}  // namespace

std::vector<Seed> make_seeds() {
  Collection seeds;
  add_closed_forms(seeds);
  seeds.add("config", "empty", "");
  seeds.add("config", "spellings",
            "algorithm: {total_updates: 3, gamma: .5}\n"
            "environment:\n  substrate_params: {m: 1e-2}\nsystem: {seed: null}\n");
  seeds.add_files("config", source_path(""), "config", ".yaml");
  seeds.add_files("config", source_path("configs"), "", ".yaml");
  if (!data_path().empty()) add_samples(seeds, data_path() / "weights/pth_samples");
  return seeds.take();
}

}  // namespace frost::fuzz
