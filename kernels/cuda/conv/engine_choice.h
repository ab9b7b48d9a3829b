#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/compute_options.h"

namespace frost::cuda {

/// What cuDNN says of an engine before it is built.
struct EngineTraits {
  std::int64_t index = -1;
  bool tensor_core = false;
  bool down_converts = false;      ///< rounds its inputs to a narrower type
  bool reduced_reduction = false;  ///< sums in less than float32
  bool transforms = false;         ///< Winograd or FFT: other roundings than a plain sum
  bool nondeterministic = false;
  bool compiled_at_run_time = false;
  bool keeps_nan = false;  ///< promises that no NaN is lost; sums keep them without a promise
};

/// Whether an engine computes what the options promise. For float32 data a tensor core means TF32;
/// for bfloat16 data it means exact products and float32 sums. A transform rounds its transformed
/// data again: within tf32's tolerance, but not what bf16 promises.
inline bool permits(const ComputeOptions& options, const EngineTraits& engine) {
  if (engine.down_converts || engine.reduced_reduction) return false;
  if (engine.tensor_core && options.math == MathMode::kFp32) return false;
  if (engine.transforms && options.math != MathMode::kTf32) return false;
  return !(options.deterministic && engine.nondeterministic);
}

/// The lists of cuDNN's heuristics, in the order in which they are asked.
enum class HeuristicMode { kA, kB, kFallback };
inline constexpr std::array kHeuristicOrder = {HeuristicMode::kA, HeuristicMode::kB,
                                               HeuristicMode::kFallback};

/// The first candidate that is permitted and can be built, or nothing.
///
/// `list(mode)` gives the candidates of one heuristic, best first; `traits(candidate)` describes
/// one; `build(candidate)` gives something true where it worked. A later list is asked only where
/// the earlier ones gave nothing, and an engine that is compiled at run time is built only where no
/// ready one was found.
template <class List, class Traits, class Build>
auto choose_engine(const ComputeOptions& options, const List& list, const Traits& traits,
                   const Build& build) {
  using Candidate = typename decltype(list(HeuristicMode::kA))::value_type;
  std::vector<Candidate> compiled_later;
  for (const HeuristicMode mode : kHeuristicOrder) {
    for (Candidate& candidate : list(mode)) {
      const EngineTraits engine = traits(candidate);
      if (!permits(options, engine)) continue;
      if (engine.compiled_at_run_time) {
        compiled_later.push_back(std::move(candidate));
      } else if (auto built = build(candidate)) {
        return built;
      }
    }
  }
  for (Candidate& candidate : compiled_later) {
    if (auto built = build(candidate)) return built;
  }
  return decltype(build(compiled_later.front())){};
}

/// "engine 38, tensor cores, compiled at run time"
inline std::string to_string(const EngineTraits& engine) {
  std::string text = "engine " + std::to_string(engine.index);
  if (engine.tensor_core) text += ", tensor cores";
  if (engine.transforms) text += ", Winograd or FFT";
  if (engine.nondeterministic) text += ", not deterministic";
  if (engine.compiled_at_run_time) text += ", compiled at run time";
  if (engine.keeps_nan) text += ", keeps NaN";
  return text;
}

}  // namespace frost::cuda
