#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/state_dict.h"

namespace frost {

enum class ModuleKind { kConv, kNorm, kLinear, kOther };

/// The tensors that share a name up to its last dot, seen as one layer.
struct FileModule {
  std::string path;  ///< without the last dot
  ModuleKind kind;   ///< by parts and shapes alone: a norm has scale, shift, mean and variance
  std::vector<std::int64_t> shape;  ///< of its weight
  bool bias = false;

  /// The tensor of that part, "weight" and so on.
  std::string tensor(std::string_view part) const;
};

/// The part of a norm that counts batches, which is of no use here.
constexpr std::string_view kCounterPart = "num_batches_tracked";

/// Whether `a` comes before `b` where runs of digits count as numbers and dots part components:
/// "layer2" before "layer10", and a module before what is inside of it.
bool natural_less(std::string_view a, std::string_view b);

/// "[64, 3, 7, 7]"
std::string bracketed(const std::vector<std::int64_t>& shape);

/// All modules of a file, in natural order of their paths.
std::vector<FileModule> list_modules(const StateDict& tensors);

/// "a.b" of "a.b.c", empty of "a".
std::string_view parent_path(std::string_view path);

/// Whether `path` is `prefix` or lies below it; everything lies below the empty one.
bool lies_below(std::string_view path, std::string_view prefix);

/// The part of `path` between `prefix`, below which it lies, and the next dot.
std::string_view child_below(std::string_view path, std::string_view prefix);

}  // namespace frost
