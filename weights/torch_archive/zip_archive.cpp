#include "weights/torch_archive/zip_archive.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "weights/torch_archive/byte_reader.h"
#include "weights/torch_archive/inflate.h"
#include "weights/torch_archive/state_dict.h"

namespace frost {
namespace {

constexpr std::uint32_t kLocalRecord = 0x04034b50, kCentralRecord = 0x02014b50;
constexpr std::uint32_t kDescriptor = 0x08074b50, kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::size_t kDescriptorSize = 16, kEndSize = 22, kLocatorSize = 20, kEnd64Size = 56;
constexpr std::uint16_t kEncrypted = 0x0001, kHasDescriptor = 0x0008, kUtf8 = 0x0800;
constexpr std::uint16_t kDeflateEffort = 0x0006;  // how hard the writer tried
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::string_view kUnpack = "unpack it with unzip and name the folder in its place";
constexpr std::size_t kMaxMembers = 8192, kMaxName = 512;

struct Directory {
  std::uint64_t begin, size, entries;
};

struct Record {
  std::string name;
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc = 0, packed = 0, size = 0, local = 0;

  bool is_folder() const { return name.ends_with('/'); }
};

/// Where the record that `reader` is in front of has its data, and how long that is. The size is
/// nothing where the record leaves it to a descriptor that does not follow any more.
struct Extent {
  std::string name;
  std::size_t begin = 0;
  std::optional<std::size_t> size;
  bool deferred = false;
};

Extent read_extent(ByteReader& reader) {
  reader.take(6);  // signature and version
  const auto flags = reader.read<std::uint16_t>();
  reader.take(10);  // method, time, date and sum
  const auto packed = reader.read<std::uint32_t>();
  reader.take(4);
  const auto name = reader.read<std::uint16_t>(), extra = reader.read<std::uint16_t>();
  Extent extent{std::string(reader.text(name)), 0, packed, (flags & kHasDescriptor) != 0};
  reader.take(extra);
  extent.begin = reader.position();
  if (!extent.deferred) return extent;
  extent.size.reset();
  const std::string_view rest = reader.text(reader.remaining());
  for (std::size_t at = rest.find("PK\7\10");
       at != rest.npos && at + kDescriptorSize <= rest.size(); at = rest.find("PK\7\10", at + 1)) {
    reader.seek(extent.begin + at + 8);
    if (reader.read<std::uint32_t>() != at) continue;
    extent.size = at;
    break;
  }
  return extent;
}

/// Follows the records from byte 0 to say where a file without an end record breaks off.
[[noreturn]] void reject_truncated(ByteReader reader) {
  const std::size_t size = reader.remaining();
  while (reader.remaining() >= 4) {
    const std::size_t at = reader.position();
    const auto signature = reader.read<std::uint32_t>();
    if (signature != kLocalRecord) break;
    reader.seek(at);
    const Extent extent = read_extent(reader);
    const std::size_t here = size - extent.begin;
    if (extent.size && *extent.size > here) {
      reader.reject_at(size, fmt::format("truncated: member {} ends {} bytes early",
                                         printable(extent.name), *extent.size - here));
    }
    if (!extent.size) {
      reader.reject_at(size, fmt::format("truncated: missing is all of member {} after its first "
                                         "{} bytes, and what follows it",
                                         printable(extent.name), here));
    }
    reader.seek(extent.begin + *extent.size);
    if (extent.deferred) reader.take(kDescriptorSize);
  }
  reader.reject_at(size, "zip archive without an end record: truncated, or bytes were appended");
}

/// Position of the end record whose comment ends exactly at the end of the file.
std::size_t find_end(ByteReader reader) {
  const std::size_t size = reader.remaining();
  if (size < kEndSize) reader.reject("truncated: too short for a zip archive");
  const std::size_t lowest = size - kEndSize - std::min<std::size_t>(size - kEndSize, 0xffff);
  for (std::size_t at = size - kEndSize + 1; at-- > lowest;) {
    reader.seek(at);
    if (reader.read<std::uint32_t>() != kEnd) continue;
    reader.seek(at + kEndSize - 2);
    if (at + kEndSize + reader.read<std::uint16_t>() == size) return at;
  }
  reader.seek(0);
  reject_truncated(reader);
}

/// The zip64 end record in front of the end record, where there is one.
std::optional<Directory> read_end64(ByteReader reader, std::size_t end) {
  if (end < kLocatorSize + kEnd64Size) return std::nullopt;
  reader.seek(end - kLocatorSize);
  if (reader.read<std::uint32_t>() != kLocator64) return std::nullopt;
  const auto disk = reader.read<std::uint32_t>();
  const auto at = reader.read<std::uint64_t>();
  const auto disks = reader.read<std::uint32_t>();
  if (disk != 0 || disks > 1 || at != end - kLocatorSize - kEnd64Size) {
    reader.reject_at(end - kLocatorSize, "zip64 locator points elsewhere");
  }
  reader.seek(at);
  const auto signature = reader.read<std::uint32_t>();
  const auto length = reader.read<std::uint64_t>();
  reader.take(4);  // versions
  const auto disk_words = reader.read<std::uint64_t>();
  const auto here = reader.read<std::uint64_t>(), total = reader.read<std::uint64_t>();
  const auto size = reader.read<std::uint64_t>(), begin = reader.read<std::uint64_t>();
  if (signature != kEnd64 || length != kEnd64Size - 12 || disk_words != 0 || here != total) {
    reader.reject_at(at, "damaged zip64 end record");
  }
  return Directory{begin, size, total};
}

Directory read_directory(ByteReader reader) {
  const std::size_t end = find_end(reader);
  const auto end64 = read_end64(reader, end);
  reader.seek(end + 4);
  const auto disks = reader.read<std::uint32_t>();
  const auto here = reader.read<std::uint16_t>(), total = reader.read<std::uint16_t>();
  const auto size = reader.read<std::uint32_t>(), begin = reader.read<std::uint32_t>();
  if (disks != 0 || here != total) reader.reject_at(end, "zip archive of several disks");
  Directory directory = end64.value_or(Directory{begin, size, total});
  const auto agrees = [](std::uint64_t narrow, std::uint64_t mark, std::uint64_t wide) {
    return narrow == wide || narrow == mark;
  };
  if (!agrees(total, 0xffff, directory.entries) || !agrees(size, 0xffffffff, directory.size) ||
      !agrees(begin, 0xffffffff, directory.begin)) {
    reader.reject_at(end, "zip and zip64 end records disagree");
  }
  const std::uint64_t expected_end = end64 ? end - kLocatorSize - kEnd64Size : end;
  if (directory.begin > expected_end || directory.size != expected_end - directory.begin) {
    reader.reject_at(end, "central directory does not end at its end record");
  }
  if (directory.entries == 0 || directory.entries > kMaxMembers) {
    reader.reject_at(
        end, fmt::format("{} zip members, 1 to {} are read", directory.entries, kMaxMembers));
  }
  return directory;
}

/// "root/rest" with plain components, or the entry of a folder; returns the root.
std::string checked_root(const ByteReader& reader, const Record& record) {
  const std::string name = record.is_folder() ? record.name + "." : record.name;
  const auto unsafe = [](char c) {
    return c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  };
  bool plain = std::none_of(name.begin(), name.end(), unsafe);
  for (std::size_t begin = 0; plain && begin <= name.size();) {
    const std::size_t stop = std::min(name.find('/', begin), name.size());
    const std::string_view part(name.data() + begin, stop - begin);
    const bool folder_mark = record.is_folder() && stop == name.size();
    plain = !part.empty() && part != ".." && (part != "." || folder_mark);
    begin = stop + 1;
  }
  const std::size_t slash = name.find('/');
  if (!plain || slash == name.npos) {
    reader.reject("member name " + printable(record.name) + " is not of the form root/name",
                  "an archive that was zipped by hand must hold the folder itself");
  }
  return name.substr(0, slash);
}

Record read_central_record(ByteReader& reader) {
  const std::size_t at = reader.position();
  Record record;
  if (reader.read<std::uint32_t>() != kCentralRecord) {
    reader.reject_at(at, "damaged central directory");
  }
  reader.take(4);  // versions
  record.flags = reader.read<std::uint16_t>();
  record.method = reader.read<std::uint16_t>();
  reader.take(4);  // time and date
  record.crc = reader.read<std::uint32_t>();
  record.packed = reader.read<std::uint32_t>();
  record.size = reader.read<std::uint32_t>();
  const auto name = reader.read<std::uint16_t>(), extra = reader.read<std::uint16_t>();
  const auto comment = reader.read<std::uint16_t>(), disk = reader.read<std::uint16_t>();
  if (name > kMaxName) reader.reject_at(at, fmt::format("member name of {} bytes", name));
  reader.take(6);  // attributes
  record.local = reader.read<std::uint32_t>();
  record.name = reader.text(name);
  reader.take(extra);
  reader.take(comment);
  const std::string who = "member " + printable(record.name);
  if (disk != 0) reader.reject_at(at, who + " is on another disk");
  if (record.flags & kEncrypted) reader.reject_at(at, who + " is encrypted", kUnpack);
  if (record.flags & ~(kHasDescriptor | kUtf8 | kDeflateEffort)) {
    reader.reject_at(at, fmt::format("{} has unknown flags {:#06x}", who, record.flags));
  }
  return record;
}

void require_readable(const ByteReader& reader, const std::vector<Record>& records) {
  for (const Record& record : records) {
    const std::string who = "member " + printable(record.name);
    if (record.method != kStored && record.method != kDeflated) {
      reader.reject_at(
          record.local,
          fmt::format("{} is compressed in an unknown way (method {})", who, record.method),
          kUnpack);
    }
    if (record.is_folder() && record.size != 0) {
      reader.reject_at(record.local, who + " is a folder with content");
    }
    if (record.method == kStored && record.packed != record.size) {
      reader.reject_at(record.local, who + " is stored with two sizes");
    }
  }
}

struct LocalData {
  std::span<const std::byte> bytes;
  std::uint64_t end;  ///< first byte after the record
};

/// Reads the local record and holds it against its central twin.
LocalData read_local_record(ByteReader reader, const Record& record) {
  const std::string who = "member " + printable(record.name);
  reader.seek(record.local);
  const auto signature = reader.read<std::uint32_t>();
  reader.take(2);  // version
  const auto flags = reader.read<std::uint16_t>(), method = reader.read<std::uint16_t>();
  reader.take(4);  // time and date
  const auto crc = reader.read<std::uint32_t>();
  const auto packed = reader.read<std::uint32_t>(), size = reader.read<std::uint32_t>();
  const auto name_length = reader.read<std::uint16_t>(), extra = reader.read<std::uint16_t>();
  const std::string_view name = reader.text(name_length);
  reader.take(extra);
  const bool deferred = (flags & kHasDescriptor) != 0;
  const auto same = [deferred](std::uint32_t local, std::uint32_t central) {
    return local == central || (deferred && local == 0);
  };
  if (signature != kLocalRecord || flags != record.flags || method != record.method ||
      name != record.name || !same(crc, record.crc) || !same(packed, record.packed) ||
      !same(size, record.size)) {
    reader.reject_at(record.local, who + ": local header and central directory disagree");
  }
  const auto bytes = reader.take(record.packed);
  if (deferred) {
    const std::size_t at = reader.position();
    if (reader.read<std::uint32_t>() != kDescriptor || reader.read<std::uint32_t>() != record.crc ||
        reader.read<std::uint32_t>() != record.packed ||
        reader.read<std::uint32_t>() != record.size) {
      reader.reject_at(at, who + ": damaged data descriptor");
    }
  }
  return {bytes, reader.position()};
}

std::string case_folded(std::string name) {
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

/// Records lie one after the other from byte 0, without overlap, in front of the central directory.
void require_no_overlap(const ByteReader& reader,
                        std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges,
                        std::uint64_t directory) {
  std::sort(ranges.begin(), ranges.end());
  if (ranges.front().first != 0) reader.reject_at(0, "bytes in front of the first zip record");
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const std::uint64_t limit = i + 1 < ranges.size() ? ranges[i + 1].first : directory;
    if (ranges[i].second > limit) reader.reject_at(ranges[i].first, "overlapping zip records");
  }
}

}  // namespace

ZipArchive::ZipArchive(const SharedBytes& image, const std::string& origin)
    : image_(image), origin_(origin) {
  ByteReader reader(image, origin);
  const Directory directory = read_directory(reader);
  reader.seek(directory.begin);
  std::vector<Record> records;
  std::set<std::string> folded;
  std::string root;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    Record record = read_central_record(reader);
    const std::string own_root = checked_root(reader, record);
    if (i == 0) root = own_root;
    if (own_root != root) reader.reject("member " + printable(record.name) + " has another root");
    if (!folded.insert(case_folded(record.name)).second) {
      reader.reject("member " + printable(record.name) + " occurs twice");
    }
    records.push_back(std::move(record));
  }
  if (reader.position() != directory.begin + directory.size) {
    reader.reject("central directory has another size than declared");
  }
  require_readable(reader, records);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const Record& record : records) {
    const LocalData data = read_local_record(reader, record);
    ranges.emplace_back(record.local, data.end);
    if (record.is_folder()) continue;
    members_[record.name.substr(root.size() + 1)] = {data.bytes, record.local, record.size,
                                                     record.crc, record.method == kDeflated};
  }
  // Before the sums: thousands of entries on one record would make them endless.
  require_no_overlap(reader, std::move(ranges), directory.begin);
  without_checksums_ = std::all_of(members_.begin(), members_.end(),
                                   [](const auto& item) { return item.second.crc == 0; });
  for (const auto& [name, member] : members_) {
    if (!member.deflated) require_crc(name, member, member.bytes);
  }
}

void ZipArchive::require_crc(const std::string& name, const Member& member,
                             std::span<const std::byte> bytes) const {
  if (without_checksums_) return;
  const uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (crc == member.crc) return;
  reject_file(origin_, member.local,
              fmt::format("member {}: CRC-32 {:08x} of the data is not the recorded {:08x}",
                          printable(name), crc, member.crc));
}

SharedBytes ZipArchive::inflate(const std::string& name, const Member& member) {
  const std::string who = "member " + printable(name);
  if (member.size > static_cast<std::uint64_t>(kMaxCopied - inflated_)) {
    reject_file(origin_, member.local, who + " is compressed: at most 128 MiB are inflated",
                kUnpack);
  }
  ByteReader where(image_, origin_);
  where.seek(member.local);
  std::vector<std::byte> bytes = inflate_bytes(member.bytes, member.size, who, where);
  require_crc(name, member, bytes);
  inflated_ += static_cast<std::int64_t>(bytes.size());
  return bytes;
}

std::optional<ArchiveMember> ZipArchive::find(const std::string& name) {
  const auto it = members_.find(name);
  if (it == members_.end()) return std::nullopt;
  Member& member = it->second;
  if (!member.deflated) {
    return ArchiveMember{image_.part(member.bytes),
                         static_cast<std::uint64_t>(member.bytes.data() - image_.data())};
  }
  if (member.inflated.empty()) member.inflated = inflate(name, member);
  return ArchiveMember{member.inflated, member.local};
}

}  // namespace frost
