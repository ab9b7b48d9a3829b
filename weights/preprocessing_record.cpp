#include "weights/preprocessing_record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "engine/io/printable.h"
#include "kernels/errors.h"

namespace frost {
namespace {

constexpr const char* kPrefix = "preprocessing.";
constexpr int kLargestSide = 4096;
constexpr float kLowest = std::numeric_limits<float>::lowest();
constexpr double kTimmCropShare = 0.875;  // where nothing is said

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Numbers between commas or spaces; none where one of them is no finite number.
std::vector<float> numbers(std::string_view text) {
  std::vector<float> values;
  while (true) {
    const std::size_t begin = text.find_first_not_of(", ");
    if (begin == text.npos) return values;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(", "));
    const std::optional<float> value = number<float>(word);
    if (!value || !std::isfinite(*value)) return {};
    values.push_back(*value);
    text.remove_prefix(word.size());
  }
}

bool take_triple(std::array<float, 3>& target, const std::string& text, float above) {
  const std::vector<float> values = numbers(text);
  if (values.size() != 3 || !std::ranges::all_of(values, [=](float v) { return v > above; })) {
    return false;
  }
  std::ranges::copy(values, target.begin());
  return true;
}

bool take_side(int& target, const std::string& text) {
  const std::optional<int> side = number<int>(text);
  if (!side || *side < 1 || *side > kLargestSide) return false;
  target = *side;
  return true;
}

bool take_word(std::string& target, const std::string& text, const char* one, const char* other) {
  if (text != one && text != other) return false;
  target = text;
  return true;
}

std::string triple_text(const std::array<float, 3>& values) {
  return fmt::format("{} {} {}", values[0], values[1], values[2]);
}

/// One entry of the record.
struct Key {
  const char* name;
  const char* expected;
  std::string (*text)(const Preprocessing&);
  bool (*take)(Preprocessing&, const std::string& text);  ///< false: makes no sense, not taken
};

const Key kKeys[] = {
    {"input_range", "0..1 or 0..255",
     [](const Preprocessing& p) { return fmt::format("0..{}", p.input_range); },
     [](Preprocessing& p, const std::string& text) {
       if (text != "0..1" && text != "0..255") return false;
       p.input_range = text == "0..1" ? 1 : 255;
       return true;
     }},
    {"mean", "three numbers, of values from 0 to 1",
     [](const Preprocessing& p) { return triple_text(p.mean); },
     [](Preprocessing& p, const std::string& text) { return take_triple(p.mean, text, kLowest); }},
    {"deviation", "three numbers above 0, of values from 0 to 1",
     [](const Preprocessing& p) { return triple_text(p.deviation); },
     [](Preprocessing& p, const std::string& text) { return take_triple(p.deviation, text, 0); }},
    {"resize", "a number of pixels from 1 to 4096",
     [](const Preprocessing& p) { return fmt::format("{}", p.resize); },
     [](Preprocessing& p, const std::string& text) { return take_side(p.resize, text); }},
    {"crop", "a number of pixels from 1 to 4096",
     [](const Preprocessing& p) { return fmt::format("{}", p.crop); },
     [](Preprocessing& p, const std::string& text) { return take_side(p.crop, text); }},
    {"interpolation", "bilinear or bicubic", [](const Preprocessing& p) { return p.interpolation; },
     [](Preprocessing& p, const std::string& text) {
       return take_word(p.interpolation, text, "bilinear", "bicubic");
     }},
    {"channels", "rgb or bgr", [](const Preprocessing& p) { return p.channels; },
     [](Preprocessing& p, const std::string& text) {
       return take_word(p.channels, text, "rgb", "bgr");
     }},
};

std::string key_list() {
  std::vector<std::string> names;
  for (const Key& key : kKeys) names.emplace_back(key.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

Preprocessing read_preprocessing(const Metadata& metadata, const std::string& origin,
                                 const Preprocessing& otherwise) {
  Preprocessing preprocessing = otherwise;
  for (const Key& key : kKeys) {
    const auto entry = metadata.find(std::string(kPrefix) + key.name);
    if (entry == metadata.end() || key.take(preprocessing, entry->second)) continue;
    throw Error(fmt::format("{}: metadata {} is {}, expected {}: import the weights again", origin,
                            entry->first, printable(entry->second), key.expected));
  }
  require_sound(preprocessing, origin);
  return preprocessing;
}

void write_preprocessing(const Preprocessing& preprocessing, Metadata& metadata) {
  for (const Key& key : kKeys) {
    metadata[std::string(kPrefix) + key.name] = key.text(preprocessing);
  }
}

void set_preprocessing(Preprocessing& preprocessing, const std::string& assignment) {
  const std::size_t equal = assignment.find('=');
  const std::string name = assignment.substr(0, equal);
  for (const Key& key : kKeys) {
    if (name != key.name || equal == assignment.npos) continue;
    if (key.take(preprocessing, assignment.substr(equal + 1))) return;
    throw UsageError(fmt::format("--preprocessing {}: expected {}", assignment, key.expected));
  }
  throw UsageError(fmt::format("--preprocessing {}: expected KEY=VALUE with one of the keys {}",
                               assignment, key_list()));
}

void require_sound(const Preprocessing& p, const std::string& origin) {
  if (p.crop <= p.resize) return;
  throw Error(
      fmt::format("{}: a crop of {} pixels from pictures whose shorter side is resized to {}: give "
                  "--preprocessing resize and crop that fit each other",
                  origin, p.crop, p.resize));
}

std::string to_string(const Preprocessing& preprocessing) {
  std::vector<std::string> entries;
  for (const Key& key : kKeys) {
    entries.push_back(fmt::format("{} {}", key.name, key.text(preprocessing)));
  }
  return fmt::format("{}", fmt::join(entries, ", "));
}

Preprocessing timm_preprocessing(const Metadata& metadata, const std::string& origin) {
  Preprocessing p;
  const auto text = [&](const char* name) {
    const auto entry = metadata.find(std::string("pretrained_cfg.") + name);
    return entry == metadata.end() ? std::string() : entry->second;
  };
  const auto require = [&](bool sound, const char* name, const char* expected) {
    if (sound) return;
    throw Error(
        fmt::format("{}: pretrained_cfg has {} {}, expected {}: save the state_dict alone "
                    "and give --preprocessing",
                    origin, name, printable(text(name)), expected));
  };
  if (const std::string mean = text("mean"); !mean.empty()) {
    require(take_triple(p.mean, mean, kLowest), "mean", "three numbers");
  }
  if (const std::string deviation = text("std"); !deviation.empty()) {
    require(take_triple(p.deviation, deviation, 0), "std", "three numbers above 0");
  }
  // A random choice is for training; timm's evaluation takes bilinear then.
  if (text("interpolation") == "bicubic") p.interpolation = "bicubic";
  if (const std::vector<float> size = numbers(text("input_size")); !size.empty()) {
    require(size.size() == 3 && size[2] >= 1 && size[2] <= kLargestSide, "input_size",
            "channels, height and width");
    p.crop = static_cast<int>(size[2]);
  }
  double share = kTimmCropShare;
  if (const std::string crop = text("crop_pct"); !crop.empty()) {
    share = number<double>(crop).value_or(0);
    require(share > 0.1 && share <= 1, "crop_pct", "a number above 0.1 and at most 1");
  }
  p.resize = static_cast<int>(p.crop / share);
  require(p.resize <= kLargestSide, "input_size", "at most 4096 pixels, also over crop_pct");
  return p;
}

Preprocessing r3m_preprocessing() {
  Preprocessing p;
  p.input_range = 255;
  return p;
}

}  // namespace frost
