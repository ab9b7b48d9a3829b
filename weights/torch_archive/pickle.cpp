#include "weights/torch_archive/pickle.h"

#include <fmt/format.h>

#include <bit>

#include "engine/io/printable.h"
#include "weights/torch_archive/pickle_objects.h"

namespace frost {
namespace {

constexpr std::size_t kMaxOpcodes = std::size_t{1} << 20;
constexpr std::size_t kMaxStack = std::size_t{1} << 16;
constexpr std::size_t kMaxMarks = 64;
constexpr std::size_t kMaxMemo = std::size_t{1} << 18;
constexpr std::size_t kMaxItems = std::size_t{1} << 16;
constexpr std::size_t kMaxString = 4096;
constexpr std::size_t kMaxText = std::size_t{8} << 20;
constexpr PickleId kUnset = 0xffffffff;
constexpr std::uint8_t kNewestProtocol = 5;

enum Opcode : std::uint8_t {
  kProto = 0x80,
  kStop = '.',
  kMark = '(',
  kGlobal = 'c',
  kReduce = 'R',
  kBuild = 'b',
  kNewObj = 0x81,
  kBinPersId = 'Q',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kBinString = 'T',
  kShortBinString = 'U',
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kPop = '0',
  kPopMark = '1',
  kLong4 = 0x8b,
  kShortBinBytes = 'C',
  kBinBytes = 'B',
  kShortBinUnicode = 0x8c,  // from here: protocol 4
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjEx = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,  // from here: protocol 5
  kNextBuffer = 0x97,
  kReadonlyBuffer = 0x98,
};

class PickleMachine {
 public:
  PickleMachine(ByteReader& reader, const PersistentIdReader& persistent_id)
      : reader_(reader), persistent_id_(persistent_id) {}

  PickleGraph run() {
    const bool pickle = reader_.read<std::uint8_t>() == kProto;
    const auto protocol = reader_.read<std::uint8_t>();
    if (!pickle || protocol < 2 || protocol > kNewestProtocol) {
      reader_.reject("not a pickle of protocol 2 to 5");
    }
    for (std::size_t count = 0; count < kMaxOpcodes; ++count) {
      const auto opcode = reader_.read<std::uint8_t>();
      if (opcode == kStop) {
        graph_.root = pop();
        if (!stack_.empty() || !marks_.empty()) reader_.reject("pickle ends with a full stack");
        return std::move(graph_);
      }
      if (opcode == kNextBuffer || opcode == kReadonlyBuffer) {
        reader_.reject_at(reader_.position() - 1,
                          "the pickle refers to an out-of-band buffer, which no file holds");
      }
      if (!scalar(opcode) && !text_or_bytes(opcode) && !container(opcode) && !memo(opcode) &&
          !object(opcode) && !structure(opcode)) {
        reader_.reject_at(
            reader_.position() - 1,
            fmt::format("pickle opcode {:#04x} does not occur in state dicts", opcode), kConvert);
      }
    }
    reader_.reject("pickle of more than 2^20 opcodes");
  }

 private:
  bool scalar(std::uint8_t opcode) {
    switch (opcode) {
      case kNone:
        return push(PickleNone{});
      case kNewTrue:
        return push(true);
      case kNewFalse:
        return push(false);
      case kBinInt:
        return push(std::int64_t{reader_.read<std::int32_t>()});
      case kBinInt1:
        return push(std::int64_t{reader_.read<std::uint8_t>()});
      case kBinInt2:
        return push(std::int64_t{reader_.read<std::uint16_t>()});
      case kLong1:
        return push(long_integer(reader_.read<std::uint8_t>()));
      case kLong4:
        return push(long_integer(reader_.read<std::uint32_t>()));
      case kBinFloat:  // the one big-endian value of the format
        return push(std::bit_cast<double>(__builtin_bswap64(reader_.read<std::uint64_t>())));
      default:
        return false;
    }
  }

  bool text_or_bytes(std::uint8_t opcode) {
    switch (opcode) {
      case kBinUnicode:
      case kBinString:
        return push(text(reader_.read<std::uint32_t>()));
      case kShortBinUnicode:
      case kShortBinString:
        return push(text(reader_.read<std::uint8_t>()));
      case kBinUnicode8:
        return push(text(reader_.read<std::uint64_t>()));
      case kShortBinBytes:
        return pass_over(reader_.read<std::uint8_t>());
      case kBinBytes:
        return pass_over(reader_.read<std::uint32_t>());
      case kBinBytes8:
      case kByteArray8:
        return pass_over(reader_.read<std::uint64_t>());
      default:
        return false;
    }
  }

  /// What groups or discards and makes no value.
  bool structure(std::uint8_t opcode) {
    switch (opcode) {
      case kMark:
        if (marks_.size() == kMaxMarks) reader_.reject("more than 64 nested marks");
        marks_.push_back(stack_.size());
        return true;
      case kPop:
        pop();
        return true;
      case kPopMark:
        pop_to_mark();
        return true;
      case kFrame:  // a hint to read ahead
        if (reader_.read<std::uint64_t>() > reader_.remaining()) {
          reader_.reject("truncated: a frame of the pickle ends beyond it");
        }
        return true;
      default:
        return false;
    }
  }

  bool container(std::uint8_t opcode) {
    switch (opcode) {
      case kEmptyTuple:
        return push(PickleTuple{});
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return push(PickleTuple{pop(static_cast<std::size_t>(opcode - kTuple1) + 1)});
      case kTuple:
      case kFrozenSet:
        return push(PickleTuple{pop_to_mark()});
      case kEmptyList:
      case kEmptySet:
        return push(PickleList{});
      case kAppend:
        return append(pop(1));
      case kAppends:
      case kAddItems:
        return append(pop_to_mark());
      case kEmptyDict:
        return push(PickleDict{});
      case kSetItem:
        return set_items(pop(2));
      case kSetItems:
        return set_items(pop_to_mark());
      default:
        return false;
    }
  }

  bool memo(std::uint8_t opcode) {
    switch (opcode) {
      case kBinPut:
        return remember(reader_.read<std::uint8_t>());
      case kLongBinPut:
        return remember(reader_.read<std::uint32_t>());
      case kMemoize:
        return remember(remembered_);
      case kBinGet:
        return recall(reader_.read<std::uint8_t>());
      case kLongBinGet:
        return recall(reader_.read<std::uint32_t>());
      default:
        return false;
    }
  }

  bool object(std::uint8_t opcode) {
    switch (opcode) {
      case kGlobal: {
        const std::string_view module = reader_.line(kMaxString);
        return push_global(module, reader_.line(kMaxString));
      }
      case kStackGlobal: {
        const auto args = pop(2);
        const auto* module = graph_.as<std::string>(args[0]);
        const auto* name = graph_.as<std::string>(args[1]);
        if (!module || !name) reader_.reject("STACK_GLOBAL of something other than two texts");
        return push_global(*module, *name);
      }
      case kReduce: {
        const auto args = pop(2);
        if (const auto same = returned_argument(graph_, args[0], args[1])) return push_id(*same);
        return push(reduce_pickle(graph_, args[0], args[1], reader_));
      }
      case kNewObj: {
        const auto args = pop(2);
        return push(make_object(graph_, args[0], {args[1]}, reader_));
      }
      case kNewObjEx: {
        const auto args = pop(3);
        return push(make_object(graph_, args[0], {args[1], args[2]}, reader_));
      }
      case kBuild: {
        const PickleId state = pop();
        build_pickle(graph_, top(), state, reader_);
        return true;
      }
      case kBinPersId:
        return push(persistent_id_(graph_, pop(), reader_));
      default:
        return false;
    }
  }

  bool push(PickleValue value) {
    graph_.values.push_back(std::move(value));
    graph_.positions.push_back(reader_.offset());
    return push_id(static_cast<PickleId>(graph_.values.size() - 1));
  }

  bool push_id(PickleId id) {
    if (stack_.size() == kMaxStack) reader_.reject("pickle stack of more than 2^16 values");
    stack_.push_back(id);
    return true;
  }

  /// Values above the innermost mark; nothing may reach below it.
  std::size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  PickleId top() const {
    if (available() == 0) reader_.reject("pickle takes from an empty stack");
    return stack_.back();
  }

  PickleId pop() {
    const PickleId id = top();
    stack_.pop_back();
    return id;
  }

  std::vector<PickleId> pop(std::size_t count) {
    if (available() < count) reader_.reject("pickle takes from an empty stack");
    const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
    std::vector<PickleId> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    return items;
  }

  std::vector<PickleId> pop_to_mark() {
    if (marks_.empty()) reader_.reject("pickle asks for a mark that was not set");
    auto items = pop(available());
    marks_.pop_back();
    return items;
  }

  bool append(const std::vector<PickleId>& items) {
    if (const auto* record = graph_.as<PickleObject>(top())) {  // some kind of list
      append_to_record(graph_, *record, items, reader_);
      return true;
    }
    auto* list = std::get_if<PickleList>(&graph_.values[top()]);
    if (!list) reader_.reject("APPEND to something that is not a list");
    if (list->items.size() + items.size() > kMaxItems) reader_.reject("list longer than 2^16");
    list->items.insert(list->items.end(), items.begin(), items.end());
    return true;
  }

  bool set_items(const std::vector<PickleId>& items) {
    auto* dict = std::get_if<PickleDict>(&graph_.values[top()]);
    auto* object = std::get_if<PickleObject>(&graph_.values[top()]);
    if (!dict && !object) reader_.reject("SETITEM on something that is not a dict");
    auto& entries = dict ? dict->items : object->entries;
    if (items.size() % 2 != 0) reader_.reject("dict key without a value");
    if (entries.size() + items.size() / 2 > kMaxItems) reader_.reject("dict larger than 2^16");
    for (std::size_t i = 0; i < items.size(); i += 2) entries.emplace_back(items[i], items[i + 1]);
    return true;
  }

  /// A global with a meaning, or the name of one that has none here.
  bool push_global(std::string_view module, std::string_view name) {
    if (const auto known = find_pickle_global(module, name, reader_)) return push(*known);
    const std::string full = std::string(module) + " " + std::string(name);
    count_text(full.size());
    graph_.names.push_back(full);
    return push(PickleForeign{static_cast<std::uint32_t>(graph_.names.size() - 1)});
  }

  bool remember(std::uint32_t index) {
    if (index >= kMaxMemo) reader_.reject(fmt::format("memo index {}", index));
    if (index >= memo_.size()) memo_.resize(index + std::size_t{1}, kUnset);
    if (memo_[index] == kUnset) ++remembered_;
    memo_[index] = top();
    return true;
  }

  bool recall(std::uint32_t index) {
    if (index >= memo_.size() || memo_[index] == kUnset) {
      reader_.reject(fmt::format("memo entry {} was never set", index));
    }
    return push_id(memo_[index]);
  }

  PickleValue long_integer(std::uint32_t length) {
    const auto bytes = reader_.take(length);
    if (length > 8) return PickleNone{};
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) {
      value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
    }
    const std::uint32_t unused = 64 - 8 * length;  // shifted out and back to extend the sign
    return length == 0 ? std::int64_t{0} : std::bit_cast<std::int64_t>(value << unused) >> unused;
  }

  /// Texts that are too long for a name stay where they are: sources of classes, reports.
  PickleValue text(std::uint64_t length) {
    const std::string_view content = reader_.text(length);
    if (length > kMaxString) return PickleNone{};
    count_text(content.size());
    return std::string(content);
  }

  void count_text(std::size_t size) {
    text_bytes_ += size;
    if (text_bytes_ > kMaxText) reader_.reject("texts of more than 8 MiB together");
  }

  bool pass_over(std::uint64_t length) {
    reader_.take(length);
    return push(PickleNone{});
  }

  ByteReader& reader_;
  const PersistentIdReader& persistent_id_;
  PickleGraph graph_;
  std::vector<PickleId> stack_, memo_;
  std::vector<std::size_t> marks_;
  std::uint64_t text_bytes_ = 0;
  std::uint32_t remembered_ = 0;  ///< entries of the memo, the next index of MEMOIZE
};

}  // namespace

PickleGraph read_pickle(ByteReader& reader, const PersistentIdReader& persistent_id) {
  return PickleMachine(reader, persistent_id).run();
}

}  // namespace frost
