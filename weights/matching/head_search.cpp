#include "weights/matching/head_search.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "engine/io/printable.h"

namespace frost {
namespace {

constexpr std::int64_t kImageNetClasses = 1000;
constexpr std::string_view kHeadWords[] = {
    "fc",          "head",     "heads",  "classifier",  "classification_head",
    "linear",      "cls",      "logits", "fc_cls",      "output",
    "last_linear", "cls_head", "final",  "out",         "top",
    "cls_fc",      "fc1000",   "new_fc", "linear_head", "last_layer"};

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// Whether all components of `path` below `ancestor` are names or numbers that heads have.
bool is_head_name(std::string_view path, std::string_view ancestor) {
  std::string_view rest = path;
  if (!ancestor.empty()) rest.remove_prefix(std::min(ancestor.size() + 1, rest.size()));
  for (bool more = !rest.empty(); more;) {
    const std::size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    const bool word =
        std::find(std::begin(kHeadWords), std::end(kHeadWords), part) != std::end(kHeadWords);
    if (!word && !is_number(part)) return false;
    more = dot != rest.npos;
    if (more) rest.remove_prefix(dot + 1);
  }
  return path.size() > ancestor.size();
}

/// The part of the file in which a head is alone where it is a classifier: "head" of "head.fc", or
/// for a number among numbers all of them.
bool in_one_head(std::string_view a, std::string_view b, std::string_view ancestor) {
  const std::string_view x = child_below(a, ancestor), y = child_below(b, ancestor);
  return x == y || (is_number(x) && is_number(y));
}

std::string path_list(const std::vector<const FileModule*>& modules) {
  constexpr std::size_t kShown = 4;
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(kShown, modules.size()); ++i) {
    shown.push_back(printable(modules[i]->path));
  }
  return fmt::format("{}{}", fmt::join(shown, ", "), modules.size() > kShown ? ", ..." : "");
}

/// The linear layers with the name of a head that lie beside the body at `ancestor`.
std::vector<const FileModule*> heads_at(const std::vector<FileModule>& modules,
                                        const std::string& body, std::string_view ancestor) {
  std::vector<const FileModule*> heads;
  for (const FileModule& module : modules) {
    if (module.kind != ModuleKind::kLinear || !lies_below(module.path, ancestor)) continue;
    const bool in_body = ancestor.size() < body.size() && lies_below(module.path, body);
    if (!in_body && is_head_name(module.path, ancestor)) heads.push_back(&module);
  }
  return heads;
}

HeadPlace judged(const std::vector<const FileModule*>& heads, std::string_view ancestor,
                 std::int64_t features, bool self_supervised) {
  std::vector<const FileModule*> fitting;
  for (const FileModule* head : heads) {
    const bool alone = std::none_of(heads.begin(), heads.end(), [&](const FileModule* other) {
      return other != head && in_one_head(head->path, other->path, ancestor);
    });
    if (alone && head->bias && head->shape[1] == features) fitting.push_back(head);
  }
  if (fitting.size() > 1) {
    std::erase_if(
        fitting, [&](const FileModule* head) { return child_below(head->path, ancestor) != "fc"; });
  }
  if (fitting.size() != 1) {
    return {"", fmt::format("left out as no single layer [classes, {}] with a bias: {}", features,
                            path_list(heads))};
  }
  const FileModule& head = *fitting[0];
  if (self_supervised && head.shape[0] != kImageNetClasses) {
    return {"", fmt::format("left out {} of {} outputs: beside a momentum encoder it projects, and "
                            "classifies nothing",
                            printable(head.path), head.shape[0])};
  }
  return {head.path, ""};
}

}  // namespace

HeadPlace find_head(const std::vector<FileModule>& modules, const std::string& body,
                    std::int64_t features, bool self_supervised) {
  for (std::string_view ancestor = body;; ancestor = parent_path(ancestor)) {
    const auto heads = heads_at(modules, body, ancestor);
    if (!heads.empty()) return judged(heads, ancestor, features, self_supervised);
    if (ancestor.empty()) return {"", "no classifier (fc) in the file"};
  }
}

}  // namespace frost
