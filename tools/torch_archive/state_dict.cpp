#include "tools/torch_archive/state_dict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <set>

#include "engine/io/dtype.h"
#include "engine/io/printable.h"
#include "kernels/status.h"

namespace frost {
namespace {

constexpr const char* kOp = "read_checkpoint";
constexpr std::int64_t kMaxTotal = std::int64_t{1} << 30;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxVisits = std::size_t{1} << 20;
constexpr std::size_t kMaxName = 4096;

bool is_contiguous(const TensorRef& tensor) {
  std::int64_t expected = 1;
  for (std::size_t k = tensor.shape.size(); k-- > 0;) {
    if (tensor.shape[k] != 1 && tensor.stride[k] != expected) return false;
    expected *= tensor.shape[k];
  }
  return true;
}

/// Index of the last element inside the storage; 128 bits hold every sum of 16 such products.
__int128 last_element(const TensorRef& tensor) {
  __int128 last = tensor.offset;
  for (std::size_t k = 0; k < tensor.shape.size(); ++k) {
    last += static_cast<__int128>(tensor.shape[k] - 1) * tensor.stride[k];
  }
  return last;
}

/// Walks all indices in row-major order. The view was checked against the storage before.
void gather(const TensorRef& tensor, const std::byte* first, std::size_t element,
            std::vector<std::byte>& out) {
  const std::size_t rank = tensor.shape.size();
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t position = 0;
  for (std::size_t done = 0; done < out.size(); done += element) {
    std::memcpy(out.data() + done, first + position * static_cast<std::int64_t>(element), element);
    for (std::size_t k = rank; k-- > 0;) {
      position += tensor.stride[k];
      if (++index[k] < tensor.shape[k]) break;
      position -= tensor.stride[k] * tensor.shape[k];
      index[k] = 0;
    }
  }
}

class Collector {
 public:
  Collector(const PickleGraph& graph, const StorageBytes& storages, const std::string& origin)
      : graph_(graph), storages_(storages), origin_(origin) {}

  StateDict run() {
    if (!graph_.as<PickleDict>(graph_.root)) fail(kOp, origin_ + ": the top object is not a dict");
    visit(graph_.root, "", 0);
    return std::move(tensors_);
  }

 private:
  void visit(PickleId id, const std::string& name, std::size_t depth) {
    // Shared containers can spell exponentially many paths in a few bytes.
    if (depth > kMaxDepth || ++visits_ > kMaxVisits || name.size() > kMaxName) {
      fail(kOp, origin_ + ": containers nested too deeply at " + printable(name));
    }
    if (const auto* tensor = graph_.as<PickleTensor>(id)) {
      add(graph_.tensors[tensor->index], name);
    } else if (const auto* parameter = graph_.as<PickleParameter>(id)) {
      if (!parameter->tensor) fail(kOp, origin_ + ": parameter without data: " + printable(name));
      add(graph_.tensors[parameter->tensor->index], name);
    } else if (const auto* dict = graph_.as<PickleDict>(id)) {
      visit_dict(*dict, name, depth);
    } else if (const auto* list = graph_.as<PickleList>(id)) {
      visit_items(list->items, name, depth);
    } else if (const auto* tuple = graph_.as<PickleTuple>(id)) {
      visit_items(tuple->items, name, depth);
    }
  }

  void visit_dict(const PickleDict& dict, const std::string& name, std::size_t depth) {
    std::set<std::string> seen;
    for (const auto& [key, value] : dict.items) {
      const auto* text = graph_.as<std::string>(key);
      const auto* number = graph_.as<std::int64_t>(key);
      if (!text && !number) fail(kOp, origin_ + ": dict key that is no text in " + printable(name));
      const std::string path = join(name, text ? *text : std::to_string(*number));
      if (!seen.insert(path).second) fail(kOp, origin_ + ": name occurs twice: " + printable(path));
      visit(value, path, depth + 1);
    }
  }

  void visit_items(const std::vector<PickleId>& items, const std::string& name, std::size_t depth) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      visit(items[i], join(name, std::to_string(i)), depth + 1);
    }
  }

  static std::string join(const std::string& parent, const std::string& key) {
    return parent.empty() ? key : parent + "." + key;
  }

  void add(const TensorRef& tensor, const std::string& name) {
    const std::string who = origin_ + ": tensor " + printable(name);
    const auto storage = storages_.find(tensor.storage.key);
    if (storage == storages_.end()) fail(kOp, who + " names a storage that is not in the file");
    HostTensor copy = materialise(tensor, storage->second, kMaxTotal - total_, who);
    total_ += static_cast<std::int64_t>(copy.bytes.size());
    if (!tensors_.emplace(name, std::move(copy)).second) fail(kOp, who + " occurs twice");
  }

  const PickleGraph& graph_;
  const StorageBytes& storages_;
  const std::string& origin_;
  StateDict tensors_;
  std::int64_t total_ = 0;
  std::size_t visits_ = 0;
};

}  // namespace

HostTensor materialise(const TensorRef& tensor, std::span<const std::byte> storage,
                       std::int64_t max_bytes, const std::string& who) {
  const StorageRef& source = tensor.storage;
  const auto element = dtype_bytes(source.dtype);
  if (!element) fail(kOp, who + " has no known dtype");
  if (storage.size() % *element != 0 || source.numel < 0 ||
      storage.size() / *element != static_cast<std::uint64_t>(source.numel)) {
    fail(kOp, fmt::format("{}: storage {} declares {} elements of {} and holds {} bytes", who,
                          source.key, source.numel, source.dtype, storage.size()));
  }
  const auto numel = checked_product(tensor.shape);
  if (!numel || *numel > max_bytes / static_cast<std::int64_t>(*element)) {
    fail(kOp, fmt::format("{}: shape [{}] is too large, at most 1 GiB is read", who,
                          fmt::join(tensor.shape, ", ")));
  }
  HostTensor out{std::string(source.dtype), tensor.shape,
                 std::vector<std::byte>(static_cast<std::size_t>(*numel) * *element)};
  if (*numel == 0) return out;
  if (tensor.offset < 0 || last_element(tensor) >= source.count) {
    fail(kOp, fmt::format("{}: offset {}, shape [{}], strides [{}] leave the storage's {} elements",
                          who, tensor.offset, fmt::join(tensor.shape, ", "),
                          fmt::join(tensor.stride, ", "), source.count));
  }
  const std::byte* first =
      storage.data() + static_cast<std::size_t>(source.begin + tensor.offset) * *element;
  if (is_contiguous(tensor)) {
    std::memcpy(out.bytes.data(), first, out.bytes.size());
  } else {
    gather(tensor, first, *element, out.bytes);
  }
  return out;
}

StateDict collect_tensors(const PickleGraph& graph, const StorageBytes& storages,
                          const std::string& origin) {
  return Collector(graph, storages, origin).run();
}

}  // namespace frost
