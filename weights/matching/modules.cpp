#include "weights/matching/modules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace frost {
namespace {

constexpr std::string_view kNormParts[] = {"bias", "running_mean", "running_var", "weight"};

using Parts = std::map<std::string_view, const HostTensor*>;

bool is_norm(const Parts& parts) {
  const auto weight = parts.find("weight");
  if (weight == parts.end() || weight->second->shape.size() != 1) return false;
  const std::size_t known = std::size(kNormParts) + parts.count(kCounterPart);
  return parts.size() == known &&
         std::all_of(std::begin(kNormParts), std::end(kNormParts), [&](std::string_view part) {
           const auto it = parts.find(part);
           return it != parts.end() && it->second->shape == weight->second->shape;
         });
}

FileModule module_of(std::string path, const Parts& parts) {
  FileModule module{std::move(path), ModuleKind::kOther, {}};
  const auto weight = parts.find("weight");
  if (weight != parts.end()) module.shape = weight->second->shape;
  module.bias = parts.contains("bias");
  const bool alone = parts.size() == (module.bias ? 2u : 1u);
  if (is_norm(parts)) {
    module.kind = ModuleKind::kNorm;
  } else if (alone && module.shape.size() == 4) {
    module.kind = ModuleKind::kConv;
  } else if (alone && module.shape.size() == 2) {
    module.kind = ModuleKind::kLinear;
  }
  return module;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes a run of digits from the front of `text`; leading zeros do not count.
std::string_view take_number(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  std::string_view number = text.substr(0, end);
  text.remove_prefix(end);
  number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
  return number;
}

}  // namespace

std::string FileModule::tensor(std::string_view part) const {
  return path.empty() ? std::string(part) : path + "." + std::string(part);
}

bool natural_less(std::string_view a, std::string_view b) {
  const auto rank = [](char c) { return c == '.' ? 0 : 1 + static_cast<unsigned char>(c); };
  std::string_view x = a, y = b;
  while (!x.empty() && !y.empty()) {
    if (is_digit(x.front()) && is_digit(y.front())) {
      const std::string_view m = take_number(x), n = take_number(y);
      if (m.size() != n.size()) return m.size() < n.size();
      if (m != n) return m < n;
      continue;
    }
    if (x.front() != y.front()) return rank(x.front()) < rank(y.front());
    x.remove_prefix(1);
    y.remove_prefix(1);
  }
  return x.empty() && y.empty() ? a < b : x.empty();
}

std::string bracketed(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::vector<FileModule> list_modules(const StateDict& tensors) {
  std::map<std::string_view, Parts> found;
  for (const auto& [name, tensor] : tensors) {
    const std::string_view path = parent_path(name);
    const std::size_t begin = path.empty() ? 0 : path.size() + 1;
    found[path][std::string_view(name).substr(begin)] = &tensor;
  }
  std::vector<FileModule> modules;
  for (const auto& [path, parts] : found) modules.push_back(module_of(std::string(path), parts));
  std::sort(modules.begin(), modules.end(),
            [](const FileModule& a, const FileModule& b) { return natural_less(a.path, b.path); });
  return modules;
}

std::string_view parent_path(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == path.npos ? std::string_view() : path.substr(0, dot);
}

bool lies_below(std::string_view path, std::string_view prefix) {
  return prefix.empty() ||
         (path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '.'));
}

std::string_view child_below(std::string_view path, std::string_view prefix) {
  const std::size_t begin = prefix.empty() ? 0 : std::min(prefix.size() + 1, path.size());
  const std::string_view rest = path.substr(begin);
  return rest.substr(0, rest.find('.'));
}

}  // namespace frost
