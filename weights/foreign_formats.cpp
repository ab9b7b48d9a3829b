#include "weights/foreign_formats.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "engine/io/printable.h"
#include "weights/torch_archive/byte_reader.h"

namespace frost {
namespace {

constexpr std::string_view kAskForTorch =
    "take the PyTorch (.pth, .pt, .bin) or safetensors file of the same model, which its publisher "
    "mostly has too";
constexpr std::string_view kDownloadItself =
    "download the file itself: follow the page's own download link, after signing in where it asks";

struct Beginning {
  std::string_view bytes, what, remedy;
};

using namespace std::string_view_literals;

constexpr Beginning kBeginnings[] = {
    {"version https://git-lfs", "is a Git LFS pointer, which stands for the file",
     "run 'git lfs pull' in its repository, or download the file from the site"},
    {"PYTORCH1", "is a preview container of 2018 that nothing reads", kFetchAgain},
    {"\x89HDF", "is an HDF5 file, as Keras writes its weights", kAskForTorch},
    {"\x93NUMPY", "is a NumPy array, not a set of named weights", kAskForTorch},
    {"\x08\x01\x12", "is a TensorFlow SavedModel", kAskForTorch},
    {"\x1f\x8b", "is compressed with gzip", "unpack it with gunzip or tar first"},
    {"BZh", "is compressed with bzip2", "unpack it with bunzip2 or tar first"},
    {"\xfd"
     "7zXZ",
     "is compressed with xz", "unpack it with unxz or tar first"},
    {"\x28\xb5\x2f\xfd", "is compressed with zstd", "unpack it with unzstd first"},
    {"7z\xbc\xaf", "is a 7-Zip archive", "unpack it first"},
    {"Rar!", "is a RAR archive", "unpack it first"},
};

/// What the first member of a zip archive is called where it is not one of torch.save.
constexpr Beginning kZipMembers[] = {
    {"metadata.json", "is a Keras model", kAskForTorch},
    {"config.json", "is a Keras model", kAskForTorch},
    {"[Content_Types].xml", "is an office document", kFetchAgain},
};

std::string_view text_of(std::span<const std::byte> image) {
  return {reinterpret_cast<const char*>(image.data()), image.size()};
}

/// The first bytes in lower case, from the first that is neither a space nor a byte order mark.
std::string opening(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  std::string out(text.substr(begin, 64));
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// ONNX: a protobuf that begins with the version of the format (3 or more) and the producer's name.
bool is_onnx(std::string_view text) {
  if (text.size() < 8 || text[0] != '\x08' || text[1] < 3 || text[1] > 32) return false;
  constexpr std::string_view kNextFields = "\x12\x1a\x22\x2a\x32\x3a\x42";
  return kNextFields.find(text[2]) != kNextFields.npos;
}

/// TensorFlow's checkpoints and their .index are tables that end in this number.
bool is_tensorflow_table(std::string_view text) {
  return text.ends_with("\x57\xfb\x80\x8b\x24\x75\x47\xdb"sv);
}

std::string_view first_zip_member(std::string_view text) {
  constexpr std::size_t kHeader = 30, kLengthAt = 26;
  if (!text.starts_with("PK\3\4") || text.size() < kHeader) return {};
  const auto length = static_cast<unsigned char>(text[kLengthAt]);
  return text.substr(kHeader, length);
}

}  // namespace

void reject_foreign_format(std::span<const std::byte> image, const std::string& origin) {
  const std::string_view text = text_of(image);
  const auto reject = [&](std::string_view what, std::string_view remedy) {
    reject_file(origin, 0, std::string(what), remedy);
  };
  for (const Beginning& known : kBeginnings) {
    if (text.starts_with(known.bytes)) reject(known.what, known.remedy);
  }
  const std::string_view member = first_zip_member(text);
  for (const Beginning& known : kZipMembers) {
    if (member == known.bytes) reject(known.what, known.remedy);
  }
  if (member.starts_with("serialized_exported_program.json")) {
    reject("is a program of torch.export", "unzip it and name serialized_state_dict.pt in it");
  }
  if (member.find("/data/weights/") != member.npos) {
    reject("is a program of torch.export",
           "save its state_dict with torch.save, or take the file that it was exported from");
  }
  if (member.ends_with(".npy")) reject("is an archive of NumPy arrays (.npz)", kAskForTorch);
  const std::string first = opening(text);
  if (first.starts_with("<!doctype html") || first.starts_with("<html")) {
    reject("is an HTML page, as sites send it in place of a file", kDownloadItself);
  }
  if (first.starts_with("<?xml") || first.starts_with("<error")) {
    reject("is an XML text, as sites send it in place of a file", kDownloadItself);
  }
  if (first.starts_with("{\"") || first.starts_with("{\n")) {
    reject("is a JSON text: a configuration, an index or an error", kDownloadItself);
  }
  if (text.substr(std::min<std::size_t>(4, text.size())).starts_with("TFL3"))
    reject("is a TensorFlow Lite model", kAskForTorch);
  if (is_onnx(text)) reject("is an ONNX model", kAskForTorch);
  if (is_tensorflow_table(text)) reject("is a checkpoint of TensorFlow", kAskForTorch);
}

void reject_foreign_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::exists(path / "saved_model.pb", ignored)) {
    reject_file(path.string(), 0, "is a TensorFlow SavedModel", kAskForTorch);
  }
  reject_file(path.string(), 0, "is a directory without data.pkl",
              "name the checkpoint in it, or the folder of an unpacked file of torch.save");
}

}  // namespace frost
