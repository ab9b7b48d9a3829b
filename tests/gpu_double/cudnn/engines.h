#pragma once

#include <cudnn.h>

#include <cstdint>
#include <vector>

#include "tests/gpu_double/cudnn/graph.h"
#include "tests/gpu_double/settings.h"

namespace frost::gpu_double::cudnn {

/// One way of computing a graph. Its numbers are as its notes say, so that a program that chooses
/// an engine it should not has other results.
struct Engine {
  enum class Workspace { kNone, kSmall, kOperands };
  enum class Fitting { kAny, kWideChannels, kSmallFilters };

  std::int64_t index = 0;
  cudnnBackendHeurMode_t mode = CUDNN_HEUR_MODE_A;  ///< the heuristic that offers it
  std::vector<cudnnBackendNumericalNote_t> notes = {};
  int mantissa_bits = 23;  ///< that are left of its operands
  Workspace workspace = Workspace::kNone;
  Fitting fitting = Fitting::kAny;
  bool compiled = false;  ///< at run time
  bool buildable = true;

  bool has(cudnnBackendNumericalNote_t note) const;
};

/// What a heuristic offers for the graph, best first. Nothing where no engine knows the graph.
std::vector<Engine> offered_engines(const Graph& graph, cudnnBackendHeurMode_t mode,
                                    Settings::Engines offer);

/// Bytes of workspace that the engine uses, all of them.
std::int64_t workspace_bytes(const Engine& engine, const Graph& graph, Settings::Engines offer);

/// Throws Refusal where no plan can be made of the engine, or `Settings::unsupported_plans` says
/// so.
void build(const Engine& engine);
/// So far, those that could not be made included.
int plans_asked_for();

}  // namespace frost::gpu_double::cudnn
