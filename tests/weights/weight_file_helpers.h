#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/state_dict.h"
#include "kernels/errors.h"

namespace frost::test {

inline std::vector<std::byte> bytes_of(const std::string& text) {
  std::vector<std::byte> bytes(text.size());
  if (!text.empty()) std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

/// `value` as little-endian bytes.
template <typename T>
std::string raw(T value) {
  std::string text(sizeof(T), '\0');
  std::memcpy(text.data(), &value, sizeof(T));
  return text;
}

/// Succeeds where `read` throws an Error of one line that contains `part`.
inline testing::AssertionResult refuses(const std::function<void()>& read,
                                        const std::string& part) {
  try {
    read();
  } catch (const Error& error) {
    const std::string text = error.what();
    if (text.find('\n') != text.npos) return testing::AssertionFailure() << "two lines: " << text;
    if (text.find(part) == text.npos) {
      return testing::AssertionFailure() << "expected '" << part << "' in: " << text;
    }
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "accepted, expected '" << part << "'";
}

inline bool same_tensors(const StateDict& a, const StateDict& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.dtype == y.second.dtype &&
           x.second.shape == y.second.shape && x.second.bytes == y.second.bytes;
  });
}

/// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "frost_test.XXXXXX").string();
    if (!mkdtemp(name.data())) throw Error("cannot create " + name);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

/// One record of a zip archive; every field can be made to lie.
struct ZipMember {
  std::string name, data;
  std::uint16_t method = 0, flags = 0x0800;
  std::string local_name = {};  // empty: `name`
  std::uint32_t crc_error = 0;  // added to both copies of the CRC
  std::uint32_t local_size_error = 0;
  std::int64_t same_as = -1;  // index of another member whose local record is pointed at
  bool no_crc = false;        // zero in both copies
  std::string plain = {};     // what `data` is said to inflate to; empty: itself
};

inline std::string deflated(const std::string& data) {
  z_stream stream = {};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// A compressed member.
inline ZipMember squeezed(const std::string& name, const std::string& data) {
  return {.name = name, .data = deflated(data), .method = 8, .plain = data};
}

/// Writes a stored zip archive; `comment` and `tail` follow the end record, only the first
/// declared.
inline std::string zip_of(const std::vector<ZipMember>& members, const std::string& comment = "",
                          const std::string& tail = "") {
  std::string body, directory;
  std::vector<std::uint32_t> offsets;
  for (const ZipMember& m : members) {
    const auto size = static_cast<std::uint32_t>(m.data.size());
    const std::string& plain = m.plain.empty() ? m.data : m.plain;
    const auto plain_size = static_cast<std::uint32_t>(plain.size());
    const auto sum = static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const Bytef*>(plain.data()), plain.size()));
    const std::uint32_t crc = m.no_crc ? 0 : sum + m.crc_error;
    const std::string local_name = m.local_name.empty() ? m.name : m.local_name;
    if (m.same_as < 0) {
      offsets.push_back(static_cast<std::uint32_t>(body.size()));
      body += "PK\3\4" + raw<std::uint16_t>(0) + raw(m.flags) + raw(m.method) +
              raw<std::uint32_t>(0) + raw(crc) + raw(size + m.local_size_error) +
              raw(plain_size + m.local_size_error) +
              raw(static_cast<std::uint16_t>(local_name.size())) + raw<std::uint16_t>(0) +
              local_name + m.data;
    } else {
      offsets.push_back(offsets[static_cast<std::size_t>(m.same_as)]);
    }
    directory += "PK\1\2" + raw<std::uint32_t>(0) + raw(m.flags) + raw(m.method) +
                 raw<std::uint32_t>(0) + raw(crc) + raw(size) + raw(plain_size) +
                 raw(static_cast<std::uint16_t>(m.name.size())) + std::string(12, '\0') +
                 raw(offsets.back()) + m.name;
  }
  const auto count = static_cast<std::uint16_t>(members.size());
  return body + directory + "PK\5\6" + raw<std::uint32_t>(0) + raw(count) + raw(count) +
         raw(static_cast<std::uint32_t>(directory.size())) +
         raw(static_cast<std::uint32_t>(body.size())) +
         raw(static_cast<std::uint16_t>(comment.size())) + comment + tail;
}

}  // namespace frost::test
