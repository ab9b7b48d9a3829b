#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/weights/pickle_text.h"

// The two containers that torch.save wrote before the zip archive, assembled by hand.
namespace frost::test {

inline const std::string kMagic =
    std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 14) + ".";
inline const std::string kNoView = "N";

/// A legacy stream of one storage of six floats and the pickle `object`.
inline std::string legacy_around(const std::string& object, std::int64_t count = 6,
                                 const std::string& keys = "](" + text("0") + "e",
                                 const std::string& info = system_info(1001)) {
  return kMagic + pickled(integer(1001)) + info + object + pickled(keys) + raw(count) + kSixFloats;
}

/// The same of what `tensor` says about the storage.
inline std::string legacy_of(const TensorText& tensor, std::int64_t count = 6,
                             const std::string& keys = "](" + text("0") + "e",
                             const std::string& info = system_info(1001)) {
  return legacy_around(state_of(tensor), count, keys, info);
}

/// Header and data of one member, padded to whole blocks.
inline std::string tar_member(const std::string& name, const std::string& data, char type = '0') {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, const std::string& field) {
    header.replace(at, field.size(), field);
  };
  const auto octal = [](std::size_t value) {
    std::string digits(11, '0');
    for (std::size_t i = 11; i-- > 0; value /= 8) digits[i] = static_cast<char>('0' + value % 8);
    return digits;
  };
  put(0, name);
  put(124, octal(data.size()));
  put(148, "        ");
  header[156] = type;
  put(257, std::string("ustar\00000", 8));
  std::size_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, octal(sum).substr(5) + std::string("\0 ", 2));
  return header + data + std::string((512 - data.size() % 512) % 512, '\0');
}

/// A tar container of one tensor "w"; every field can be made to lie.
struct TarText {
  std::int64_t storages = 1, tensors = 1, count = 6, offset = 0, storage_key = 7;
  std::int32_t rank = 2;
  std::vector<std::int64_t> shape = {2, 3}, stride = {3, 1};
  std::string views = "]", type = "FloatTensor", key = "9", info = system_info(1000);
  std::string extra = {};    // before the first member
  std::string entries = {};  // more of the dict, each with its SETITEM

  std::string file() const {
    const std::string storage = "(" + integer(7) + text("cpu") + "ctorch\nFloatStorage\nt";
    const std::string tensor = "(" + integer(9) + integer(storage_key) + "ctorch\n" + type + "\nt";
    std::string sizes;
    for (const std::int64_t size : shape) sizes += raw(size);
    for (const std::int64_t step : stride) sizes += raw(step);
    return extra + tar_member("sys_info", info) +
           tar_member("pickle", pickled("}" + text("w") + text(key) + "Qs" + entries)) +
           tar_member("tensors", pickled(integer(tensors)) + pickled(tensor) + raw(rank) +
                                     raw<std::int32_t>(0) + sizes + raw(offset)) +
           tar_member("storages", pickled(integer(storages)) + pickled(storage) + raw(count) +
                                      kSixFloats + pickled(views)) +
           std::string(1024, '\0');
  }
};

}  // namespace frost::test
