#include "weights/torch_archive/pretrained_config.h"

#include <fmt/format.h>

namespace frost {
namespace {

constexpr const char* kKey = "pretrained_cfg";
constexpr std::size_t kMostNumbers = 16;

/// A text or a number; empty for anything else.
std::string scalar_text(const PickleGraph& graph, PickleId id) {
  if (const auto* text = graph.as<std::string>(id)) return *text;
  if (const auto* integer = graph.as<std::int64_t>(id)) return fmt::format("{}", *integer);
  if (const auto* number = graph.as<double>(id)) return fmt::format("{}", *number);
  return "";
}

std::string value_text(const PickleGraph& graph, PickleId id) {
  const auto* tuple = graph.as<PickleTuple>(id);
  const auto* list = graph.as<PickleList>(id);
  if (tuple == nullptr && list == nullptr) return scalar_text(graph, id);
  const std::vector<PickleId>& items = tuple != nullptr ? tuple->items : list->items;
  std::string text;
  for (std::size_t i = 0; i < std::min(items.size(), kMostNumbers); ++i) {
    text += (i == 0 ? "" : " ") + scalar_text(graph, items[i]);
  }
  return text;
}

const PickleDict* find_config(const PickleGraph& graph) {
  for (const PickleValue& value : graph.values) {
    const auto* dict = std::get_if<PickleDict>(&value);
    if (dict == nullptr) continue;
    for (const auto& [key, config] : dict->items) {
      const auto* name = graph.as<std::string>(key);
      if (name != nullptr && *name == kKey && graph.as<PickleDict>(config) != nullptr) {
        return graph.as<PickleDict>(config);
      }
    }
  }
  return nullptr;
}

}  // namespace

std::map<std::string, std::string> pretrained_config(const PickleGraph& graph) {
  std::map<std::string, std::string> entries;
  const PickleDict* config = find_config(graph);
  if (config == nullptr) return entries;
  for (const auto& [key, value] : config->items) {
    const auto* name = graph.as<std::string>(key);
    const std::string text = value_text(graph, value);
    if (name != nullptr && !text.empty()) entries[fmt::format("{}.{}", kKey, *name)] = text;
  }
  return entries;
}

}  // namespace frost
