#include "rl/communicator/state_exchange.h"

#include <cstdint>

#include "kernels/errors.h"
#include "rl/byte_stream.h"

namespace frost {
namespace {

void put_text(StateWriter& writer, const std::string& text) {
  writer.put_all(std::span<const char>(text));
}

std::string get_text(StateReader& reader) {
  const std::vector<char> text = reader.get_all<char>();
  return {text.begin(), text.end()};
}

std::vector<std::byte> pack(const StateDict& state) {
  std::vector<std::byte> packed;
  const auto append = [&](std::span<const std::byte> bytes) {
    packed.insert(packed.end(), bytes.begin(), bytes.end());
  };
  StateWriter index;
  index.put(static_cast<std::uint64_t>(state.size()));
  for (const auto& [name, tensor] : state) {
    put_text(index, name);
    put_text(index, tensor.dtype);
    index.put_all(std::span<const std::int64_t>(tensor.shape));
    index.put(static_cast<std::uint64_t>(tensor.bytes.size()));
  }
  const std::vector<std::uint8_t> head = index.take();
  const auto head_size = static_cast<std::uint64_t>(head.size());
  append(std::as_bytes(std::span(&head_size, 1)));
  append(std::as_bytes(std::span(head)));
  for (const auto& [name, tensor] : state) append({tensor.bytes.data(), tensor.bytes.size()});
  return packed;
}

StateDict unpack(const std::vector<std::byte>& packed) {
  std::uint64_t head_size = 0;
  std::memcpy(&head_size, packed.data(), sizeof head_size);
  const auto* const first = reinterpret_cast<const std::uint8_t*>(packed.data());
  const std::uint8_t* const begin = first + sizeof head_size;
  const std::vector<std::uint8_t> head(begin, begin + head_size);
  StateReader index("communicator", head);
  StateDict state;
  const std::byte* at = packed.data() + sizeof head_size + head_size;
  for (auto left = index.get<std::uint64_t>(); left > 0; --left) {
    HostTensor& tensor = state[get_text(index)];
    tensor.dtype = get_text(index);
    tensor.shape = index.get_all<std::int64_t>();
    const auto size = index.get<std::uint64_t>();
    tensor.bytes = std::vector<std::byte>(at, at + size);
    at += size;
  }
  return state;
}

/// Bytes of one row.
std::size_t row_bytes(const HostTensor& tensor) {
  const std::int64_t rows = tensor.shape.front();
  return rows == 0 ? 0 : tensor.bytes.size() / static_cast<std::size_t>(rows);
}

void append_rows(const std::string& name, const HostTensor& more, HostTensor& tensor) {
  const bool fits =
      tensor.dtype == more.dtype && !tensor.shape.empty() &&
      tensor.shape.size() == more.shape.size() &&
      (row_bytes(tensor) == row_bytes(more) || tensor.bytes.size() == 0 || more.bytes.size() == 0);
  if (!fits) fail("communicator", "the processes hold '" + name + "' in different forms");
  std::vector<std::byte> bytes(tensor.bytes.data(), tensor.bytes.data() + tensor.bytes.size());
  bytes.insert(bytes.end(), more.bytes.data(), more.bytes.data() + more.bytes.size());
  tensor.bytes = std::move(bytes);
  tensor.shape.front() += more.shape.front();
}

}  // namespace

StateDict gather_state(Communicator& communicator, StateDict own) {
  if (communicator.size() == 1) return own;
  const std::vector<std::vector<std::byte>> parts = communicator.gather(pack(own));
  for (std::size_t rank = 1; rank < parts.size(); ++rank) {
    for (const auto& [name, tensor] : unpack(parts[rank])) {
      const auto [at, is_new] = own.try_emplace(name, tensor);
      if (!is_new) append_rows(name, tensor, at->second);
    }
  }
  return own;
}

void broadcast_state(Communicator& communicator, StateDict& state) {
  if (communicator.size() == 1) return;
  std::vector<std::byte> packed;
  if (communicator.rank() == 0) packed = pack(state);
  communicator.broadcast(packed);
  state = unpack(packed);
}

}  // namespace frost
