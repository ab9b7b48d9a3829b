#pragma once

#include <cstdint>
#include <map>

#include "tests/gpu_double/cudnn/engines.h"
#include "tests/gpu_double/cudnn/graph.h"

namespace frost::gpu_double::cudnn {

/// Computes a graph as the engine would: sums in double, rounded once when they are stored, but for
/// what the engine's notes say. `data` has the graph's outer tensors by their uid.
void interpret(const Graph& graph, const Engine& engine, const std::map<std::int64_t, void*>& data);

}  // namespace frost::gpu_double::cudnn
