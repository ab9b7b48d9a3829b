#include "weights/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include "engine/host_dtype.h"
#include "engine/io/atomic_file.h"
#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "weights/sha256.h"

namespace frost {
namespace {

using Json = nlohmann::ordered_json;
using Metadata = std::map<std::string, std::string>;

constexpr const char* kOp = "safetensors";
constexpr std::uint64_t kMaxHeader = std::uint64_t{1} << 20;
constexpr std::size_t kMaxEntries = 8192;
constexpr std::size_t kMaxRank = 16;
constexpr std::size_t kPrefix = 8;  // the header's length

// The two metadata of a checksum. Damage to the name of one leaves the other, which misses it.
constexpr const char* kMethodKey = "frostline.checksum";
constexpr const char* kMethod = "sha256";
constexpr const char* kDigestKey = "frostline.sha256";

struct Entry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> offsets;  ///< begin and end
};

/// Takes the header event by event: a tree would silently keep the last of two equal keys, and deep
/// nesting is refused at the first level that the format does not have.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  std::vector<Entry> entries;
  Metadata metadata;
  std::string fault;  ///< why parsing stopped; empty after success

  bool null() override { return stop("null"); }
  bool boolean(bool) override { return stop("a boolean"); }
  bool number_float(double, const std::string& text) override {
    return stop("number " + printable(text));
  }
  bool binary(binary_t&) override { return stop("binary data"); }

  bool number_integer(std::int64_t value) override {
    return stop("number " + std::to_string(value));
  }

  bool number_unsigned(std::uint64_t value) override {
    if (!numbers_ || value > std::numeric_limits<std::int64_t>::max()) {
      return stop("number " + std::to_string(value));
    }
    if (numbers_->size() == kMaxRank) return stop("a list longer than 16");
    numbers_->push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool string(std::string& text) override {
    if (level_ == kMetadata) {
      metadata[key_] = text;
      return true;
    }
    if (level_ != kEntry || key_ != "dtype" || numbers_) return stop("text " + printable(text));
    entries.back().dtype = text;
    return true;
  }

  bool start_object(std::size_t) override {
    if (level_ == kOutside) {
      level_ = kTop;
    } else if (level_ == kTop && key_ == "__metadata__") {
      level_ = kMetadata;
    } else if (level_ == kTop) {
      if (entries.size() == kMaxEntries) return stop("more than 8192 tensors");
      entries.push_back({key_, {}, {}, {}});
      fields_.clear();
      level_ = kEntry;
    } else {
      return stop("a nested object");
    }
    return true;
  }

  bool key(std::string& text) override {
    key_ = text;
    if (level_ == kTop && !names_.insert(text).second) return stop("duplicate name");
    if (level_ == kMetadata && metadata.contains(text)) return stop("duplicate metadata key");
    if (level_ != kEntry) return true;
    if (text != "dtype" && text != "shape" && text != "data_offsets") return stop("unknown field");
    if (!fields_.insert(text).second) return stop("duplicate field");
    return true;
  }

  bool end_object() override {
    if (level_ == kEntry && (fields_.size() != 3 || entries.back().offsets.size() != 2)) {
      return stop("end of an entry without dtype, shape and two data_offsets");
    }
    level_ = level_ == kTop ? kOutside : kTop;
    return true;
  }

  bool start_array(std::size_t) override {
    if (level_ != kEntry || key_ == "dtype" || numbers_) return stop("a list");
    numbers_ = key_ == "shape" ? &entries.back().shape : &entries.back().offsets;
    return true;
  }

  bool end_array() override {
    numbers_ = nullptr;
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    if (fault.empty()) fault = "header is not valid JSON";
    return false;
  }

 private:
  enum Level { kOutside, kTop, kEntry, kMetadata };

  bool stop(const std::string& what) {
    const std::string where =
        entries.empty() || level_ != kEntry ? "" : " of tensor " + printable(entries.back().name);
    fault = fmt::format("unexpected {} at key {}{}", what, printable(key_), where);
    return false;
  }

  Level level_ = kOutside;
  std::string key_;
  std::set<std::string> names_;   // of all entries
  std::set<std::string> fields_;  // of the current entry
  std::vector<std::int64_t>* numbers_ = nullptr;
};

/// Goes over the header and counts, because the parser does not tell its events where they are.
class CountedText {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  CountedText(const char* at, std::size_t& passed) : at_(at), passed_(&passed) {}
  char operator*() const { return *at_; }
  CountedText& operator++() {
    ++at_, ++*passed_;
    return *this;
  }
  bool operator==(const CountedText& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  std::size_t* passed_;
};

[[noreturn]] void reject(const std::string& origin, std::uint64_t position,
                         const std::string& fault) {
  fail(kOp, fmt::format("{}: {} (at byte {}); download or write the file again", origin, fault,
                        position));
}

std::string_view checked_header(const SharedBytes& image, const std::string& origin) {
  if (image.size() < kPrefix) {
    reject(origin, image.size(), fmt::format("{} bytes, too short", image.size()));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, image.data(), kPrefix);
  if (length < 2 || length > kMaxHeader) {
    reject(
        origin, 0,
        fmt::format("header length {} is not within 2..{}: not a safetensors file or a damaged one",
                    length, kMaxHeader));
  }
  if (length > image.size() - kPrefix) {
    reject(origin, image.size(),
           fmt::format("truncated: {} bytes of the header are missing",
                       length - (image.size() - kPrefix)));
  }
  const std::string_view header(reinterpret_cast<const char*>(image.data()) + kPrefix, length);
  if (header.front() != '{') reject(origin, kPrefix, "header does not begin with '{'");
  // The JSON library takes NUL for the end of its input and would not look at what follows.
  const std::size_t nul = header.find('\0');
  if (nul != header.npos) reject(origin, nul + kPrefix, "NUL in the header");
  return header;
}

HeaderReader read_header(std::string_view header, const std::string& origin) {
  HeaderReader reader;
  std::size_t passed = 0;
  const char* const end = header.data() + header.size();
  if (!Json::sax_parse(CountedText(header.data(), passed), CountedText(end, passed), &reader)) {
    reject(origin, kPrefix + passed, reader.fault);
  }
  std::sort(reader.entries.begin(), reader.entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.offsets, a.name) < std::tie(b.offsets, b.name);
  });
  return reader;
}

[[noreturn]] void cannot_write(const std::filesystem::path& path, const std::string& what) {
  fail(kOp, path.string() + ": cannot write " + what);
}

/// Checks that `entry` starts at byte `begin` of the data and that its size equals dtype x shape.
/// The data is the rest of the file from byte `data`.
SharedBytes checked_data(const Entry& entry, const SharedBytes& image, std::size_t data,
                         std::uint64_t begin, const std::string& origin) {
  const std::string who = "tensor " + printable(entry.name);
  const std::uint64_t available = image.size() - data, at = data + begin;
  const auto element = dtype_bytes(entry.dtype);
  if (!element) {
    reject(origin, at, fmt::format("unsupported dtype {} for {}", printable(entry.dtype), who));
  }
  const auto first = static_cast<std::uint64_t>(entry.offsets[0]);
  const auto last = static_cast<std::uint64_t>(entry.offsets[1]);
  if (first > last) reject(origin, at, fmt::format("{} has offsets [{}, {}]", who, first, last));
  if (first != begin) {
    reject(origin, at,
           fmt::format("{} begins at {} where byte {} of the data is next ({})", who, first, begin,
                       first < begin ? "overlap" : "hole"));
  }
  if (last > available) {
    reject(origin, image.size(),
           fmt::format("{} is truncated, {} of its bytes are missing", who, last - available));
  }
  const auto numel = checked_product(entry.shape);
  std::int64_t bytes = 0;
  if (!numel || __builtin_mul_overflow(*numel, static_cast<std::int64_t>(*element), &bytes) ||
      static_cast<std::uint64_t>(bytes) != last - first) {
    reject(origin, at,
           fmt::format("{} has {} bytes, its shape and dtype {} ask for another number", who,
                       last - first, entry.dtype));
  }
  return image.part(data + first, last - first);
}

/// A file in the one form in which it is written.
struct Layout {
  std::string header;
  std::vector<std::span<const std::byte>> data;  ///< of the tensors, in the order of the header

  std::uint64_t bytes() const {
    std::uint64_t sum = kPrefix + header.size();
    for (const auto& part : data) sum += part.size();
    return sum;
  }
};

/// A JSON string. Throws Json::exception for a text that is not UTF-8.
std::string text_of(const std::string& text) {
  return Json(text).dump();
}

/// Throws Json::exception for names and texts that are not UTF-8.
Layout layout_of(const StateDict& tensors, const Metadata& metadata) {
  std::vector<std::pair<std::size_t, const StateDict::value_type*>> items;
  for (const auto& item : tensors) {
    items.emplace_back(dtype_bytes(item.second.dtype).value(), &item);
  }
  std::stable_sort(items.begin(), items.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  // Composed as text: a tree of the library allocates when it is destroyed, and ends the program
  // where that fails.
  std::vector<std::string> entries;
  if (!metadata.empty()) {
    std::vector<std::string> texts;
    for (const auto& [key, value] : metadata) texts.push_back(text_of(key) + ":" + text_of(value));
    entries.push_back(fmt::format("\"__metadata__\":{{{}}}", fmt::join(texts, ",")));
  }
  Layout layout;
  std::uint64_t offset = 0;
  for (const auto& [element, item] : items) {
    const auto& [name, tensor] = *item;
    const std::uint64_t end = offset + tensor.bytes.size();
    entries.push_back(fmt::format("{}:{{\"dtype\":{},\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                                  text_of(name), text_of(tensor.dtype),
                                  fmt::join(tensor.shape, ","), offset, end));
    layout.data.emplace_back(tensor.bytes);
    offset = end;
  }
  layout.header = fmt::format("{{{}}}", fmt::join(entries, ","));
  layout.header.resize((layout.header.size() + 7) / 8 * 8, ' ');
  return layout;
}

/// Of the content and not of the file's bytes: another program may order tensors as it likes.
std::string digest_of(const Layout& layout) {
  std::vector<std::span<const std::byte>> parts{std::as_bytes(std::span(layout.header))};
  parts.insert(parts.end(), layout.data.begin(), layout.data.end());
  return sha256_hex_of_parts(parts);
}

/// Takes the checksum out of the metadata and holds the content to it; false where there is none.
bool verify_checksum(SafetensorsFile& file, const std::string& origin) {
  const auto method = file.metadata.extract(kMethodKey), digest = file.metadata.extract(kDigestKey);
  if (method.empty() && digest.empty()) return false;
  if (!method.empty() && !digest.empty() && method.mapped() == kMethod &&
      digest.mapped() == digest_of(layout_of(file.tensors, file.metadata))) {
    return true;
  }
  fail(kOp, origin +
                ": damaged: its content does not match its checksum: take another copy of the "
                "file, or write it again");
}

void check_writable(const StateDict& tensors, const std::filesystem::path& path) {
  for (const auto& [name, tensor] : tensors) {
    const auto element = dtype_bytes(tensor.dtype);
    const auto numel = static_cast<std::size_t>(tensor.numel());
    if (!element || name == "__metadata__" || tensor.bytes.size() != numel * *element) {
      cannot_write(path, fmt::format("tensor {} of {} bytes of {}", printable(name),
                                     tensor.bytes.size(), tensor.dtype));
    }
  }
}

/// What is beyond the limits of reading must not be written.
void check_limits(const Layout& layout, const std::filesystem::path& path) {
  if (layout.data.size() > kMaxEntries || layout.header.size() > kMaxHeader) {
    cannot_write(path,
                 fmt::format("{} tensors and a header of {} bytes, at most {} and {}",
                             layout.data.size(), layout.header.size(), kMaxEntries, kMaxHeader));
  }
  if (layout.bytes() > kMaxSafetensorsBytes) {
    cannot_write(path,
                 fmt::format("{} bytes, at most {} (4 GiB) are read back: divide the tensors among "
                             "several files",
                             layout.bytes(), kMaxSafetensorsBytes));
  }
}

}  // namespace

SafetensorsFile parse_safetensors(const SharedBytes& image, const std::string& origin) {
  const std::string_view header = checked_header(image, origin);
  HeaderReader reader = read_header(header, origin);
  SafetensorsFile file;
  file.metadata = std::move(reader.metadata);
  std::size_t next = kPrefix + header.size();
  const std::size_t data = next;
  for (Entry& entry : reader.entries) {
    SharedBytes bytes = checked_data(entry, image, data, next - data, origin);
    next += bytes.size();
    file.tensors.emplace(
        std::move(entry.name),
        HostTensor{std::move(entry.dtype), std::move(entry.shape), std::move(bytes)});
  }
  if (next != image.size()) {
    reject(origin, next, fmt::format("{} bytes follow the last tensor", image.size() - next));
  }
  file.has_checksum = verify_checksum(file, origin);
  return file;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(read_regular_file(path, kMaxSafetensorsBytes), path.string());
}

void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file) {
  check_writable(file.tensors, path);
  Metadata metadata = file.metadata;
  for (const char* key : {kMethodKey, kDigestKey}) metadata.erase(key);
  Layout layout;
  try {
    layout = layout_of(file.tensors, metadata);
    check_limits(layout, path);  // before 4 GiB are read for their checksum
    metadata[kMethodKey] = kMethod;
    metadata[kDigestKey] = digest_of(layout);
    layout = layout_of(file.tensors, metadata);
  } catch (const Json::exception&) {
    cannot_write(path, "a name or metadata text that is not UTF-8");
  }
  check_limits(layout, path);
  const std::uint64_t length = layout.header.size();
  std::vector<std::span<const std::byte>> parts{std::as_bytes(std::span(&length, 1)),
                                                std::as_bytes(std::span(layout.header))};
  parts.insert(parts.end(), layout.data.begin(), layout.data.end());
  write_file_atomically(path, parts);
}

}  // namespace frost
