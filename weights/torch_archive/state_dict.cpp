#include "weights/torch_archive/state_dict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "engine/host_dtype.h"
#include "engine/io/printable.h"
#include "weights/torch_archive/pickle_objects.h"

namespace frost {
namespace {

constexpr std::int64_t kMaxTotal = std::int64_t{1} << 30;
constexpr std::size_t kMaxTensors = 4096;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxVisits = std::size_t{1} << 20;
constexpr std::size_t kMaxName = 4096;

constexpr struct {
  std::string_view begin, end;  ///< of the name of what makes one
  const char* text;
} kStandIns[] = {{"numpy.", "multiarray _reconstruct", "NumPy arrays in place of tensors"},
                 {"numpy.", "numeric _frombuffer", "NumPy arrays in place of tensors"},
                 {"torch._utils ", "_rebuild_meta_tensor_no_storage",
                  "tensors of the meta device, which have no values"}};

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

/// What a module keeps its tensors and children in.
constexpr std::string_view kModuleParts[] = {"_parameters", "_buffers", "_modules"};

class Collector {
 public:
  Collector(const PickleGraph& graph, const StorageBytes& storages, const std::string& origin,
            std::int64_t copied)
      : graph_(graph), storages_(storages), origin_(origin), copied_(copied) {}

  StateDict run() {
    const PickleId root = graph_.root;
    const bool holds_names = graph_.as<PickleDict>(root) || graph_.as<PickleObject>(root) ||
                             graph_.as<PickleList>(root) || graph_.as<PickleTuple>(root);
    if (!holds_names) reject(root, "the top object is not a dict");
    visit(graph_.root, "", 0);
    return std::move(tensors_);
  }

 private:
  void visit(PickleId id, const std::string& name, std::size_t depth) {
    // Shared containers can spell exponentially many paths in a few bytes.
    if (depth > kMaxDepth || ++visits_ > kMaxVisits || name.size() > kMaxName) {
      reject(id, "containers nested too deeply at " + printable(name));
    }
    if (const auto* tensor = graph_.as<PickleTensor>(id)) {
      add(*tensor, id, name);
    } else if (const auto* parameter = graph_.as<PickleParameter>(id)) {
      if (!parameter->tensor) reject(id, "parameter without data: " + printable(name));
      add(*parameter->tensor, id, name);
    } else if (const auto* dict = graph_.as<PickleDict>(id)) {
      visit_dict(dict->items, id, name, depth);
    } else if (const auto* object = graph_.as<PickleObject>(id)) {
      visit_object(*object, id, name, depth);
    } else if (const auto* list = graph_.as<PickleList>(id)) {
      visit_items(list->items, name, depth);
    } else if (const auto* tuple = graph_.as<PickleTuple>(id)) {
      visit_items(tuple->items, name, depth);
    }
  }

  using Entries = std::vector<std::pair<PickleId, PickleId>>;

  void visit_dict(const Entries& entries, PickleId id, const std::string& name, std::size_t depth) {
    std::set<std::string_view> texts;
    std::set<std::int64_t> numbers;
    for (const auto& [key, value] : entries) {
      const auto* text = graph_.as<std::string>(key);
      const auto* number = graph_.as<std::int64_t>(key);
      if (!text && !number) {
        if (!may_be_key(key)) reject(id, "dict key that is no text in " + printable(name));
        if (++visits_ > kMaxVisits)
          reject(id, "containers nested too deeply at " + printable(name));
        continue;
      }
      const std::string path = join(name, text ? *text : std::to_string(*number));
      const bool fresh = text ? texts.insert(*text).second : numbers.insert(*number).second;
      if (!fresh) reject(key, "name occurs twice: " + printable(path));
      visit(value, path, depth + 1);
    }
  }

  /// Optimizers have parameters for keys, and other dicts tuples: no name leads to what they hold.
  bool may_be_key(PickleId key) const {
    return graph_.as<PickleTensor>(key) || graph_.as<PickleParameter>(key) ||
           graph_.as<PickleTuple>(key) || graph_.as<PickleObject>(key) ||
           graph_.as<PickleForeign>(key);
  }

  /// The value of the key `wanted`, which is a dict, or null.
  const PickleDict* dict_at(const Entries& entries, std::string_view wanted) const {
    for (const auto& [key, value] : entries) {
      const auto* text = graph_.as<std::string>(key);
      if (text && *text == wanted) return graph_.as<PickleDict>(value);
    }
    return nullptr;
  }

  /// Objects may refer to each other in circles: the second time round there is nothing new.
  void visit_object(const PickleObject& object, PickleId id, const std::string& name,
                    std::size_t depth) {
    if (!open_objects_.insert(id).second) return;
    visit_dict(object.entries, id, name, depth);
    if (object.state) {
      for (const PickleDict* attributes : attributes_of(graph_, *object.state)) {
        visit_attributes(attributes->items, id, name, depth);
      }
    }
    open_objects_.erase(id);
  }

  void visit_attributes(const Entries& attributes, PickleId id, const std::string& name,
                        std::size_t depth) {
    bool module = false;
    for (const std::string_view part : kModuleParts) {
      const PickleDict* dict = dict_at(attributes, part);
      module = module || dict;
      if (dict) visit_dict(dict->items, id, name, depth);
    }
    if (!module) visit_dict(attributes, id, name, depth);
  }

  void visit_items(const std::vector<PickleId>& items, const std::string& name, std::size_t depth) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      visit(items[i], join(name, std::to_string(i)), depth + 1);
    }
  }

  static std::string join(const std::string& parent, const std::string& key) {
    return parent.empty() ? key : parent + "." + key;
  }

  void add(PickleTensor which, PickleId id, const std::string& name) {
    if (tensors_.size() == kMaxTensors) reject(id, "more than 4096 tensors");
    HostTensor tensor = read(graph_.tensors[which.index], id, "tensor " + printable(name));
    if (!tensors_.emplace(name, std::move(tensor)).second) {
      reject(id, "tensor " + printable(name) + " occurs twice");
    }
  }

  /// The tensor row-major, whatever its strides are, after it was checked against its storage.
  HostTensor read(const TensorRef& tensor, PickleId id, const std::string& who) {
    const StorageRef& source = tensor.storage;
    const auto found = storages_.find(source.key);
    if (found == storages_.end()) reject(id, who + " names a storage that is not in the file");
    const std::size_t element = dtype_bytes(source.dtype).value();
    const SharedBytes& storage = found->second;
    if (storage.size() % element != 0 || source.numel < 0 ||
        storage.size() / element != static_cast<std::uint64_t>(source.numel)) {
      reject(id, fmt::format("{}: storage {} declares {} elements of {} and holds {} bytes", who,
                             source.key, source.numel, source.dtype, storage.size()));
    }
    const std::size_t size = admitted_size(tensor, element, id, who);
    HostTensor out{std::string(source.dtype), tensor.shape, {}};
    if (size == 0) return out;
    if (tensor.offset < 0 || last_element(tensor) >= source.count) {
      reject(id,
             fmt::format("{}: offset {}, shape [{}], strides [{}] leave the storage's {} elements",
                         who, tensor.offset, fmt::join(tensor.shape, ", "),
                         fmt::join(tensor.stride, ", "), source.count));
    }
    const auto first = static_cast<std::size_t>(source.begin + tensor.offset) * element;
    if (is_contiguous(tensor)) {
      out.bytes = storage.part(first, size);
    } else {
      std::vector<std::byte> copy(size);
      gather(tensor, storage.data() + first, element, copy);
      out.bytes = std::move(copy);
    }
    return out;
  }

  /// Bytes of `tensor`, of which the totals still have room.
  std::size_t admitted_size(const TensorRef& tensor, std::size_t element, PickleId id,
                            const std::string& who) {
    const auto numel = checked_product(tensor.shape);
    const auto most = (kMaxTotal - total_) / static_cast<std::int64_t>(element);
    if (!numel || *numel > most) {
      reject(id, fmt::format("{}: shape [{}] is too large, at most 1 GiB is read", who,
                             fmt::join(tensor.shape, ", ")));
    }
    const std::int64_t size = *numel * static_cast<std::int64_t>(element);
    total_ += size;
    if (size != 0 && !is_contiguous(tensor)) copied_ += size;
    if (copied_ > kMaxCopied) {
      reject_file(origin_, graph_.positions[id],
                  who + ": more than 128 MiB of strided or compressed tensors",
                  "save contiguous copies of the weights alone");
    }
    return static_cast<std::size_t>(size);
  }

  [[noreturn]] void reject(PickleId id, const std::string& fault) const {
    reject_file(origin_, graph_.positions[id], fault);
  }

  const PickleGraph& graph_;
  const StorageBytes& storages_;
  const std::string& origin_;
  StateDict tensors_;
  std::set<PickleId> open_objects_;
  std::int64_t total_ = 0, copied_;
  std::size_t visits_ = 0;
};

}  // namespace

StateDict collect_tensors(const PickleGraph& graph, const StorageBytes& storages,
                          const std::string& origin, std::int64_t copied) {
  return Collector(graph, storages, origin, copied).run();
}

std::vector<std::string> stand_ins(const PickleGraph& graph) {
  std::vector<std::string> found;
  for (const auto& kind : kStandIns) {
    const bool named = std::ranges::any_of(graph.names, [&](const std::string& name) {
      return name.starts_with(kind.begin) && name.ends_with(kind.end);
    });
    if (named && std::ranges::find(found, kind.text) == found.end()) found.emplace_back(kind.text);
  }
  return found;
}

}  // namespace frost
