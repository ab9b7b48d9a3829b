#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>

#include "engine/host_dtype.h"
#include "engine/io/atomic_file.h"
#include "tests/text_files.h"
#include "tests/weights/container_text.h"
#include "tests/weights/pickle_text.h"
#include "tests/weights/weight_file_helpers.h"
#include "weights/resnet_names.h"
#include "weights/weight_file.h"

// One changed byte in a file of each form of torch.save: it is refused in one line, or read as
// tensors that have their bytes. FROST_FLIPS says how many of each; FROST_FLIP_FILES names a folder
// of more files, of which those that hold a ResNet must be refused or hold a whole one still.
namespace frost {
namespace {

using namespace test;
namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

constexpr long kFlips = 500;  // of each form

struct Form {
  std::string name;
  Bytes image;
};

/// Three tensors on one storage, the last strided.
std::string entries() {
  return text("weight") + TensorText().pickle() + text("bias") +
         TensorText{.offset = 4, .shape = {2}, .stride = {1}}.pickle() + text("mean") +
         TensorText{.shape = {3, 2}, .stride = {1, 3}}.pickle();
}

std::string module_pickle() {
  const std::string conv = object(text("training") + "\x88" + text("_parameters") + "}(" +
                                  entries() + text("none") + "Nu" + text("_buffers") + "}");
  return pickled(object(text("_modules") + "}" + text("conv") + conv + "s" + text("_hooks") +
                        "ccollections\nOrderedDict\n)R"));
}

std::string script_pickle() {
  return pickled(object(text("training") + "\x89" + text("list") +
                            "ctorch.jit._pickle\nbuild_tensorlist\n](" + TensorText().pickle() +
                            "e\x85R" + text("conv") + object(entries(), "__torch__.conv\nConv2d"),
                        "__torch__.net\nNet"));
}

/// A dict of one tensor as Python's pickler spells it since protocol 4; `view` as in TensorText.
std::string framed_pickle(std::uint8_t protocol, const std::string& view = "") {
  const std::string storage = "(" + short_text("storage") + "\x94" +
                              global("torch", "FloatStorage") + short_text("0") + "\x94" +
                              short_text("cpu") + "\x94" + "K\x06" + view + "t\x94Q";
  const std::string sizes("K\0K\2K\3\x86\x94K\3K\1\x86\x94\x89", 15);
  return framed(protocol, "}\x94(" + short_text("w") + "\x94" +
                              global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + sizes +
                              global("collections", "OrderedDict") + ")R\x94t\x94R" + "\x94" +
                              short_text("epoch") + "\x94K\x05" + short_text("bytes") + "C\3abcu");
}

std::string legacy_file() {
  const std::string magic = kMagic.substr(2);
  const std::string rest = legacy_around(framed_pickle(4, kNoView)).substr(kMagic.size());
  return "\x80\x04\x95" + raw<std::uint64_t>(magic.size()) + magic + rest;
}

/// Without checksums too, which otherwise see every change.
std::vector<Form> small_forms() {
  auto script = members_of(script_pickle());
  script.push_back({"a/constants.pkl", pickled(")")});
  script.push_back({"a/code/__torch__/net.py", "class Net: pass"});
  std::vector<std::pair<std::string, std::vector<ZipMember>>> archives = {
      {"whole module", members_of(module_pickle())},
      {"TorchScript", script},
      {"protocol 4", members_of(framed_pickle(4))},
      {"protocol 5", members_of(framed_pickle(5))},
      {"deflated",
       {squeezed("a/data.pkl", module_pickle()),
        {"a/data/", ""},
        squeezed("a/data/0", kSixFloats),
        {"a/version", "3\n"}}}};
  std::vector<Form> forms = {
      {"legacy, protocol 4", bytes_of(legacy_file())},
      {"legacy, whole module",
       bytes_of(legacy_around(pickled(object(text("_parameters") + "}" + text("w") +
                                             TensorText{.view = kNoView}.pickle() + "s"))))}};
  for (auto& [name, members] : archives) {
    forms.push_back({name, bytes_of(zip_of(members))});
    for (ZipMember& member : members) member.no_crc = true;
    forms.push_back({name + ", no checksums", bytes_of(zip_of(members))});
  }
  return forms;
}

long setting(const char* name, long otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atol(text);
}

SharedBytes view_of(const Bytes& bytes) {
  return SharedBytes(nullptr, bytes);
}

/// Where there is anything but the numbers of large tensors.
std::vector<std::size_t> structure_of(const Bytes& image, const StateDict& tensors) {
  constexpr std::size_t kLarge = 512;
  std::vector<bool> numbers(image.size(), false);
  for (const auto& [name, tensor] : tensors) {
    const std::byte* const begin = tensor.bytes.data();
    if (tensor.bytes.size() < kLarge || begin < image.data() ||
        begin >= image.data() + image.size()) {
      continue;
    }
    const auto first = numbers.begin() + (begin - image.data());
    std::fill(first, first + static_cast<std::ptrdiff_t>(tensor.bytes.size()), true);
  }
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!numbers[i]) places.push_back(i);
  }
  return places;
}

bool is_whole(const StateDict& tensors) {
  return std::ranges::all_of(tensors, [](const auto& item) {
    const HostTensor& tensor = item.second;
    const auto element = dtype_bytes(tensor.dtype);
    const auto numel = checked_product(tensor.shape);
    return element && numel && tensor.bytes.size() == static_cast<std::size_t>(*numel) * *element;
  });
}

class Flips {
 public:
  explicit Flips(std::string name) : name_(std::move(name)) {}

  /// Changes one byte of `image` at a time, half of them at `places`, and gives each to `load`.
  void run(Bytes& image, const std::vector<std::size_t>& places, long times,
           const std::function<StateDict()>& load, bool body) {
    for (long i = 0; i < times; ++i) {
      const std::size_t at =
          i % 2 == 0 ? places[random_() % places.size()] : random_() % image.size();
      const std::byte before = image[at];
      image[at] ^= static_cast<std::byte>(i % 4 < 2 ? 1u << random_() % 8 : 1 + random_() % 255);
      SCOPED_TRACE(name_ + ": byte " + std::to_string(at) + " is " +
                   std::to_string(std::to_integer<int>(image[at])));
      judge(load, body);
      image[at] = before;
    }
  }

  ~Flips() {
    std::cout << name_ << ": " << refused_ + read_ << " flips, " << refused_ << " refused, "
              << read_ << " read\n";
  }

 private:
  void judge(const std::function<StateDict()>& load, bool body) {
    try {
      StateDict tensors = load();
      ASSERT_TRUE(is_whole(tensors));
      if (body) require_complete(map_resnet(std::move(tensors)), "f");
      ++read_;
    } catch (const Error& error) {
      ASSERT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      ++refused_;
    }
  }

  std::string name_;
  std::mt19937_64 random_{20260101};
  long refused_ = 0, read_ = 0;
};

void flip_file(const Form& form, long times) {
  Bytes image = form.image;
  const StateDict whole = parse_weight_file(view_of(image), "f").tensors;
  ASSERT_FALSE(whole.empty()) << form.name;
  const bool body = map_resnet(whole).complete();
  const auto places = structure_of(image, whole);
  Flips(form.name).run(
      image, places, times, [&] { return parse_weight_file(view_of(image), "f").tensors; }, body);
}

TEST(FlippedFiles, AreRefusedOrReadWhole) {
  for (const Form& form : small_forms()) flip_file(form, setting("FROST_FLIPS", kFlips));
}

TEST(FlippedFiles, OfAFolderAreRefusedOrReadWhole) {
  const TemporaryFolder folder;
  const std::map<std::string, std::string> members = {{"data.pkl", module_pickle()},
                                                      {"data/0", kSixFloats},
                                                      {"version", "3\n"},
                                                      {"byteorder", "little"}};
  for (const auto& [name, content] : members) write_text(folder / ("x/" + name), content);
  for (const auto& [name, content] : members) {
    Bytes image = bytes_of(content);
    const auto load = [&] {
      std::ofstream(folder / ("x/" + name), std::ios::binary)
          .write(reinterpret_cast<const char*>(image.data()),
                 static_cast<std::streamsize>(image.size()));
      return open_weight_file(folder / "x").tensors;
    };
    ASSERT_EQ(load().size(), 3u);
    const long times = setting("FROST_FLIPS", kFlips) / (name == "data.pkl" ? 1 : 10);
    Flips("folder, " + name).run(image, structure_of(image, {}), times, load, false);
    write_text(folder / ("x/" + name), content);
  }
}

TEST(FlippedFiles, OfOtherProgramsAreRefusedOrReadWhole) {
  const char* const folder = std::getenv("FROST_FLIP_FILES");
  if (folder == nullptr) GTEST_SKIP() << "FROST_FLIP_FILES is not set";
  for (const auto& entry : fs::directory_iterator(folder)) {
    const SharedBytes file = read_regular_file(entry.path(), kMaxWeightFileBytes);
    const bool large = file.size() > 1 << 20;
    flip_file({entry.path().filename().string(), Bytes(file.begin(), file.end())},
              large ? setting("FROST_BODY_FLIPS", 100) : setting("FROST_FLIPS", kFlips));
  }
}

}  // namespace
}  // namespace frost
