#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/weights/weight_file_helpers.h"

// Pieces of protocol-2 pickles, put together by hand so that they can say what no writer would.
namespace frost::test {

inline std::string text(const std::string& value) {
  return "X" + raw(static_cast<std::uint32_t>(value.size())) + value;
}

inline std::string integer(std::int64_t value) {
  return "\x8a\x08" + raw(value);
}

inline std::string tuple(const std::vector<std::int64_t>& values) {
  std::string out = "(";
  for (const std::int64_t value : values) out += integer(value);
  return out + "t";
}

inline std::string pickled(const std::string& body) {
  return "\x80\x02" + body + ".";
}

/// The facts about the writing machine that the older containers carry.
inline std::string system_info(std::int64_t protocol, bool little_endian = true) {
  return pickled("}(" + text("protocol_version") + integer(protocol) + text("little_endian") +
                 (little_endian ? "\x88" : "\x89") + "u");
}

/// One tensor as _rebuild_tensor_v2 spells it; every field can be made to lie.
struct TensorText {
  std::string key = "0", type = "FloatStorage";
  std::int64_t numel = 6, offset = 0;
  std::vector<std::int64_t> shape = {2, 3}, stride = {3, 1};
  std::string view = {};  // sixth element of the persistent id, legacy stream only

  std::string pickle() const {
    return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + type + "\n" +
           text(key) + text("cpu") + integer(numel) + view + "tQ" + integer(offset) + tuple(shape) +
           tuple(stride) + "\x89}tR";
  }
};

/// A dict of one tensor "w".
inline std::string state_of(const TensorText& tensor) {
  return pickled("}" + text("w") + tensor.pickle() + "s");
}

// Pieces of protocols 4 and 5.
inline std::string short_text(const std::string& value) {
  return "\x8c" + raw(static_cast<std::uint8_t>(value.size())) + value;
}
inline std::string framed(std::uint8_t protocol, const std::string& body) {
  return "\x80" + raw(protocol) + "\x95" + raw<std::uint64_t>(body.size() + 1) + body + ".";
}
/// `module name` from the stack; what is remembered is remembered as the pickler does it.
inline std::string global(const std::string& module, const std::string& name) {
  return short_text(module) + "\x94" + short_text(name) + "\x94\x93\x94";
}

/// An object of a class with that name whose state is the dict of `entries`.
inline std::string object(const std::string& entries, const std::string& type = "models\nNet") {
  return "c" + type + "\n)\x81}(" + entries + "ub";
}

inline const std::string kSixFloats =
    raw(1.f) + raw(2.f) + raw(3.f) + raw(4.f) + raw(5.f) + raw(6.f);

/// The members of an archive with this pickle and one storage, of six floats.
inline std::vector<ZipMember> members_of(const std::string& pickle) {
  return {{"a/data.pkl", pickle}, {"a/data/0", kSixFloats}, {"a/version", "3\n"}};
}

}  // namespace frost::test
