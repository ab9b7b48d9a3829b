#include "weights/torch_archive/pickle_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include "engine/io/printable.h"

namespace frost {
namespace {

constexpr std::size_t kMaxTensors = 4096;
constexpr std::size_t kMaxRank = 16;
constexpr std::size_t kMaxSearched = std::size_t{1} << 20;
constexpr std::size_t kMaxCopiedEntries = std::size_t{1} << 18;

/// Element type of the legacy classes, torch.<kind>Storage and torch.<kind>Tensor.
std::string_view dtype_of_kind(std::string_view kind) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"Float", "F32"}, {"Half", "F16"}, {"BFloat16", "BF16"}, {"Double", "F64"},
      {"Long", "I64"},  {"Int", "I32"},  {"Short", "I16"},     {"Char", "I8"},
      {"Byte", "U8"},   {"Bool", "BOOL"}};
  for (const auto& [name, dtype] : kTypes) {
    if (name == kind) return dtype;
  }
  return {};
}

/// torch.<kind><suffix>, also of torch.cuda.
std::optional<PickleGlobalRef> typed_global(std::string_view name, std::string_view suffix,
                                            PickleGlobal which) {
  if (!name.ends_with(suffix)) return std::nullopt;
  const std::string_view dtype = dtype_of_kind(name.substr(0, name.size() - suffix.size()));
  if (dtype.empty()) return std::nullopt;
  return PickleGlobalRef{which, dtype};
}

/// Modules and builtins that a pickle names only to run something.
bool runs_commands(std::string_view module, std::string_view name) {
  static constexpr std::string_view kModules[] = {
      "os",     "posix", "nt",     "sys",        "subprocess", "commands", "pty",     "socket",
      "shutil", "runpy", "ctypes", "webbrowser", "importlib",  "pickle",   "_pickle", "marshal"};
  static constexpr std::string_view kBuiltins[] = {"eval",    "exec",       "execfile", "compile",
                                                   "open",    "__import__", "input",    "apply",
                                                   "globals", "breakpoint"};
  const auto among = [](const auto& list, std::string_view what) {
    return std::find(std::begin(list), std::end(list), what) != std::end(list);
  };
  if (module == "builtins" || module == "__builtin__") return among(kBuiltins, name);
  return among(kModules, module);
}

const std::vector<PickleId>& tuple_items(const PickleGraph& graph, PickleId id, const char* what,
                                         const ByteReader& where) {
  const auto* tuple = graph.as<PickleTuple>(id);
  if (!tuple) where.reject(fmt::format("{} is not a tuple", what));
  return tuple->items;
}

std::int64_t integer(const PickleGraph& graph, PickleId id, const char* what,
                     const ByteReader& where) {
  const auto* value = graph.as<std::int64_t>(id);
  if (!value) where.reject(fmt::format("{} is not an integer", what));
  return *value;
}

std::vector<std::int64_t> sizes(const PickleGraph& graph, PickleId id, const char* what,
                                std::int64_t largest, const ByteReader& where) {
  std::vector<std::int64_t> out;
  for (const PickleId item : tuple_items(graph, id, what, where)) {
    const std::int64_t size = integer(graph, item, what, where);
    if (size < 0 || size > largest) where.reject(fmt::format("{} holds {}", what, size));
    out.push_back(size);
  }
  if (out.size() > kMaxRank) where.reject(fmt::format("{} of {} dimensions", what, out.size()));
  return out;
}

void require_empty_hooks(const PickleGraph& graph, PickleId id, const ByteReader& where) {
  const auto* hooks = graph.as<PickleDict>(id);
  if (!graph.as<PickleNone>(id) && (!hooks || !hooks->items.empty())) {
    where.reject("tensor carries backward hooks");
  }
}

/// (storage, offset, size, stride[, requires_grad, hooks[, metadata]])
PickleValue rebuild_tensor(PickleGraph& graph, const std::vector<PickleId>& args, bool v2,
                           const ByteReader& where) {
  if (v2 ? args.size() != 6 && args.size() != 7 : args.size() != 4) {
    where.reject(fmt::format("tensor rebuilt from {} arguments", args.size()));
  }
  const auto* storage = graph.as<PickleStorage>(args[0]);
  if (!storage) where.reject("tensor without a storage");
  if (v2) require_empty_hooks(graph, args[5], where);
  TensorRef tensor;
  tensor.storage = graph.storages[storage->index];
  tensor.offset = integer(graph, args[1], "storage offset", where);
  tensor.shape = sizes(graph, args[2], "size", std::numeric_limits<std::int32_t>::max(), where);
  tensor.stride = sizes(graph, args[3], "stride", std::numeric_limits<std::int64_t>::max(), where);
  if (tensor.shape.size() != tensor.stride.size()) {
    where.reject("tensor with sizes and strides of different rank");
  }
  if (graph.tensors.size() == kMaxTensors) where.reject("more than 4096 tensors");
  graph.tensors.push_back(std::move(tensor));
  return PickleTensor{static_cast<std::uint32_t>(graph.tensors.size() - 1)};
}

PickleParameter parameter_of(const PickleGraph& graph, PickleId data, const ByteReader& where) {
  const auto* tensor = graph.as<PickleTensor>(data);
  if (!tensor) where.reject("parameter without a tensor");
  return {*tensor};
}

bool is_data(const PickleGraph& graph, PickleId id) {
  return graph.as<PickleStorage>(id) || graph.as<PickleTensor>(id) || graph.as<PickleParameter>(id);
}

enum class Records { kPassedOver, kEntered };

/// The values inside of `id`; keys lead nowhere.
std::vector<PickleId> contents(const PickleGraph& graph, PickleId id, Records records) {
  if (const auto* tuple = graph.as<PickleTuple>(id)) return tuple->items;
  if (const auto* list = graph.as<PickleList>(id)) return list->items;
  std::vector<PickleId> values;
  const auto* dict = graph.as<PickleDict>(id);
  const auto* record = records == Records::kEntered ? graph.as<PickleObject>(id) : nullptr;
  if (record && record->state) values.push_back(*record->state);
  if (!dict && !record) return values;
  for (const auto& [key, value] : dict ? dict->items : record->entries) values.push_back(value);
  return values;
}

/// A record keeps none of its arguments: where there is data in them, however deep, something would
/// be lost. Arguments of functions may be records that are elsewhere too (the module of a bound
/// method); what an object consists of is nowhere else.
void require_no_data(PickleGraph& graph, std::vector<PickleId> left, Records records,
                     const std::string& what, const ByteReader& where,
                     bool rebuilds_tensor = false) {
  std::set<PickleId> seen;
  while (!left.empty()) {
    const PickleId id = left.back();
    left.pop_back();
    if (++graph.searched_values > kMaxSearched) where.reject("more than 2^20 values in arguments");
    if (!seen.insert(id).second) continue;
    if (is_data(graph, id)) {
      where.reject(
          "a tensor " + what + (rebuilds_tensor ? "" : ", which is not part of a state dict"),
          rebuilds_tensor ? kMakeDense : kConvert);
    }
    const std::vector<PickleId> inside = contents(graph, id, records);
    left.insert(left.end(), inside.begin(), inside.end());
  }
}

std::string name_of(const PickleGraph& graph, PickleId type) {
  const auto* foreign = graph.as<PickleForeign>(type);
  return foreign ? printable(graph.names[foreign->index]) : std::string("an unknown class");
}

/// (rebuild function, class, its arguments, attributes), of tensors that carry attributes.
PickleValue rebuild_from_type(PickleGraph& graph, const std::vector<PickleId>& args,
                              const ByteReader& where) {
  const auto* function = args.size() == 4 ? graph.as<PickleGlobalRef>(args[0]) : nullptr;
  if (!function || function->which == PickleGlobal::kRebuildFromType) {
    where.reject("tensor with attributes that is rebuilt in an unknown way");
  }
  return reduce_pickle(graph, args[0], args[2], where);
}

/// Python 2 gives the entries as one list of [key, value] lists; Python 3 sets them afterwards.
PickleValue ordered_dict(PickleGraph& graph, const std::vector<PickleId>& args,
                         const ByteReader& where) {
  PickleDict dict;
  if (args.empty()) return dict;
  const auto* entries = args.size() == 1 ? graph.as<PickleList>(args[0]) : nullptr;
  if (!entries) where.reject("OrderedDict from arguments of an unknown form");
  graph.copied_entries += entries->items.size();
  if (graph.copied_entries > kMaxCopiedEntries) where.reject("more than 2^18 copied dict entries");
  for (const PickleId id : entries->items) {
    const auto* entry = graph.as<PickleList>(id);
    if (!entry || entry->items.size() != 2) where.reject("OrderedDict entry that is no pair");
    dict.items.emplace_back(entry->items[0], entry->items[1]);
  }
  return dict;
}

std::string storage_key(const PickleGraph& graph, PickleId id, const ByteReader& where) {
  const auto* key = graph.as<std::string>(id);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!key || key->empty() || key->size() > 20 || !std::all_of(key->begin(), key->end(), digit)) {
    where.reject("storage key is not a number of at most 20 digits");
  }
  return *key;
}

}  // namespace

std::optional<PickleGlobalRef> find_pickle_global(std::string_view module, std::string_view name,
                                                  const ByteReader& where) {
  struct Row {
    std::string_view module, name;
    PickleGlobal which;
  };
  static constexpr Row kRows[] = {
      {"collections", "OrderedDict", PickleGlobal::kOrderedDict},
      {"torch._utils", "_rebuild_tensor", PickleGlobal::kRebuildTensor},
      {"torch._utils", "_rebuild_tensor_v2", PickleGlobal::kRebuildTensorV2},
      {"torch._utils", "_rebuild_parameter", PickleGlobal::kRebuildParameter},
      {"torch._utils", "_rebuild_parameter_with_state", PickleGlobal::kRebuildParameter},
      {"torch._tensor", "_rebuild_from_type_v2", PickleGlobal::kRebuildFromType},
      {"torch.nn.parameter", "Parameter", PickleGlobal::kParameter}};
  for (const Row& row : kRows) {
    if (row.module == module && row.name == name) return PickleGlobalRef{row.which, {}};
  }
  if (module == "torch" || module == "torch.cuda") {
    if (const auto type = typed_global(name, "Storage", PickleGlobal::kStorage)) return type;
    if (const auto type = typed_global(name, "Tensor", PickleGlobal::kTensorType)) return type;
  }
  if (runs_commands(module, name)) {
    where.reject("the pickle asks for " + printable(std::string(module) + " " + std::string(name)) +
                     ", which runs commands where it is loaded",
                 "do not load this file elsewhere; get it from a source you trust");
  }
  return std::nullopt;
}

PickleValue make_object(PickleGraph& graph, PickleId type, const std::vector<PickleId>& given,
                        const ByteReader& where) {
  const auto& args = tuple_items(graph, given[0], "argument list", where);
  if (graph.as<PickleForeign>(type)) {
    require_no_data(graph, given, Records::kEntered,
                    "among the arguments of " + name_of(graph, type), where);
    return PickleObject{type, {}, {}};
  }
  const auto* known = graph.as<PickleGlobalRef>(type);
  const bool bare = args.empty() && given.size() == 1;
  if (!known || known->which != PickleGlobal::kParameter || !bare) {
    where.reject("NEWOBJ of something other than a class or an empty Parameter");
  }
  return PickleParameter{};
}

void append_to_record(PickleGraph& graph, const PickleObject& object,
                      const std::vector<PickleId>& items, const ByteReader& where) {
  require_no_data(graph, items, Records::kEntered, "in a list of " + name_of(graph, object.type),
                  where);
}

std::optional<PickleId> returned_argument(const PickleGraph& graph, PickleId callable,
                                          PickleId arguments) {
  const auto* foreign = graph.as<PickleForeign>(callable);
  const auto* args = graph.as<PickleTuple>(arguments);
  if (!foreign || !args || args->items.empty()) return std::nullopt;
  const std::string& name = graph.names[foreign->index];
  const bool typed =
      name == "torch.jit._pickle build_tensorlist" || name == "torch.jit._pickle restore_type_tag";
  return typed ? std::optional(args->items[0]) : std::nullopt;
}

PickleValue reduce_pickle(PickleGraph& graph, PickleId callable, PickleId arguments,
                          const ByteReader& where) {
  const auto& args = tuple_items(graph, arguments, "argument list", where);
  if (const auto* foreign = graph.as<PickleForeign>(callable)) {
    // A tensor of another kind, such as a sparse one, in a state dict or not.
    const bool rebuilds = graph.names[foreign->index].starts_with("torch._utils _rebuild_");
    require_no_data(graph, args, Records::kPassedOver, "built by " + name_of(graph, callable),
                    where, rebuilds);
    return PickleObject{callable, {}, {}};
  }
  const auto* global = graph.as<PickleGlobalRef>(callable);
  if (!global) where.reject("REDUCE of something that is not a global");
  switch (global->which) {
    case PickleGlobal::kOrderedDict:
      return ordered_dict(graph, args, where);
    case PickleGlobal::kRebuildTensor:
      return rebuild_tensor(graph, args, false, where);
    case PickleGlobal::kRebuildTensorV2:
      return rebuild_tensor(graph, args, true, where);
    case PickleGlobal::kRebuildParameter:
      if (args.size() != 3 && args.size() != 4) {
        where.reject("parameter rebuilt from other than 3 or 4 arguments");
      }
      require_empty_hooks(graph, args[2], where);
      return parameter_of(graph, args[0], where);
    case PickleGlobal::kRebuildFromType:
      return rebuild_from_type(graph, args, where);
    case PickleGlobal::kParameter:
    case PickleGlobal::kStorage:
    case PickleGlobal::kTensorType:
      break;
  }
  where.reject("REDUCE of a type");
}

std::vector<const PickleDict*> attributes_of(const PickleGraph& graph, PickleId state) {
  if (const auto* dict = graph.as<PickleDict>(state)) return {dict};
  const auto* pair = graph.as<PickleTuple>(state);
  if (!pair || pair->items.size() != 2) return {};
  std::vector<const PickleDict*> dicts;
  for (const PickleId item : pair->items) {
    const auto* dict = graph.as<PickleDict>(item);
    if (!dict && !graph.as<PickleNone>(item)) return {};
    if (dict) dicts.push_back(dict);
  }
  return dicts;
}

void build_pickle(PickleGraph& graph, PickleId object, PickleId state, const ByteReader& where) {
  if (auto* record = std::get_if<PickleObject>(&graph.values[object])) {
    if (attributes_of(graph, state).empty()) {
      require_no_data(graph, {state}, Records::kPassedOver, "the state of an unknown object",
                      where);
    }
    record->state = state;
    return;
  }
  const auto* parameter = graph.as<PickleParameter>(object);
  if (parameter && !parameter->tensor) {
    const auto& items = tuple_items(graph, state, "parameter state", where);
    if (items.size() != 5) where.reject("parameter state without 5 elements");
    graph.values[object] = parameter_of(graph, items[0], where);
    return;
  }
  const bool takes_state =
      parameter || graph.as<PickleDict>(object) || graph.as<PickleTensor>(object);
  if (!takes_state || !graph.as<PickleDict>(state)) {
    where.reject("BUILD of something other than a dict, tensor or parameter with a dict");
  }
}

PickleValue storage_from_persistent_id(PickleGraph& graph, PickleId id, bool may_be_view,
                                       const ByteReader& where) {
  const auto& items = tuple_items(graph, id, "persistent id", where);
  const auto* tag = items.empty() ? nullptr : graph.as<std::string>(items[0]);
  if (may_be_view && tag && *tag == "module" && items.size() == 4) {
    if (const auto* type = graph.as<PickleForeign>(items[1])) return *type;
    where.reject("module of a class without a name");
  }
  if (!tag || *tag != "storage" || items.size() != (may_be_view ? 6u : 5u)) {
    where.reject("persistent id that is not a storage");
  }
  const auto* type = graph.as<PickleGlobalRef>(items[1]);
  if (!type || type->which != PickleGlobal::kStorage) {
    const auto* foreign = graph.as<PickleForeign>(items[1]);
    where.reject("storage of " +
                     (foreign ? printable(graph.names[foreign->index])
                              : std::string("something that is no type")) +
                     ", which holds no weights of a known kind",
                 kMakeDense);
  }
  if (!graph.as<std::string>(items[3])) where.reject("storage without a location");
  StorageRef storage;
  storage.key = storage_key(graph, items[2], where);
  storage.dtype = type->dtype;
  storage.numel = integer(graph, items[4], "storage size", where);
  storage.count = storage.numel;
  if (storage.numel < 0) where.reject(fmt::format("storage of {} elements", storage.numel));
  if (may_be_view && !graph.as<PickleNone>(items[5])) {
    const auto& view = tuple_items(graph, items[5], "storage view", where);
    if (view.size() != 3) where.reject("storage view without 3 elements");
    storage.begin = integer(graph, view[1], "view offset", where);
    storage.count = integer(graph, view[2], "view size", where);
    if (storage.begin < 0 || storage.count < 0 || storage.begin > storage.numel ||
        storage.count > storage.numel - storage.begin) {
      where.reject("storage view beyond its storage");
    }
  }
  if (graph.storages.size() == kMaxTensors) where.reject("more than 4096 storages");
  graph.storages.push_back(std::move(storage));
  return PickleStorage{static_cast<std::uint32_t>(graph.storages.size() - 1)};
}

}  // namespace frost
