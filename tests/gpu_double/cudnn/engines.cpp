#include "tests/gpu_double/cudnn/engines.h"

#include <algorithm>
#include <atomic>
#include <string>

#include "tests/gpu_double/cudnn/status.h"
#include "tests/gpu_double/rounding.h"

namespace frost::gpu_double::cudnn {
namespace {

using Fitting = Engine::Fitting;
using Offer = Settings::Engines;
using Workspace = Engine::Workspace;

std::atomic<int> asked_for = 0;

/// What Winograd's transforms leave of float32 and of bfloat16, about.
constexpr int kWinogradBits = 13, kWinogradBfloat16Bits = 5;

/// In an order by which taking the first, or the first of one heuristic, is wrong in true float32.
const std::vector<Engine>& float32_engines() {
  static const std::vector<Engine> engines{
      {.index = 74, .compiled = true},
      {.index = 38,
       .notes = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS},
       .mantissa_bits = kBfloat16Bits,
       .workspace = Workspace::kSmall},
      {.index = 60,
       .notes = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE},
       .mantissa_bits = kTf32Bits,
       .workspace = Workspace::kSmall,
       .fitting = Fitting::kWideChannels},
      {.index = 31,
       .notes = {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC},
       .workspace = Workspace::kOperands},
      {.index = 12,
       .notes = {CUDNN_NUMERICAL_NOTE_WINOGRAD},
       .mantissa_bits = kWinogradBits,
       .workspace = Workspace::kOperands,
       .fitting = Fitting::kSmallFilters},
      {.index = 20,
       .notes = {CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION},
       .workspace = Workspace::kSmall},
      {.index = 44, .mode = CUDNN_HEUR_MODE_B, .workspace = Workspace::kOperands},
      {.index = 0,
       .mode = CUDNN_HEUR_MODE_FALLBACK,
       .notes = {CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP}},
  };
  return engines;
}

/// For a bfloat16 result and no epilogue.
const std::vector<Engine>& bfloat16_engines() {
  static const std::vector<Engine> engines{
      {.index = 75, .notes = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE}, .compiled = true},
      {.index = 21,
       .notes = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE,
                 CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION},
       .workspace = Workspace::kSmall,
       .fitting = Fitting::kWideChannels},
      {.index = 32,
       .notes = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC},
       .workspace = Workspace::kOperands,
       .fitting = Fitting::kWideChannels},
      {.index = 13,
       .notes = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_WINOGRAD},
       .mantissa_bits = kWinogradBfloat16Bits,
       .workspace = Workspace::kOperands,
       .fitting = Fitting::kSmallFilters},
      {.index = 45,
       .notes = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE},
       .workspace = Workspace::kSmall,
       .fitting = Fitting::kWideChannels},
      {.index = 1,
       .mode = CUDNN_HEUR_MODE_FALLBACK,
       .notes = {CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP}},
  };
  return engines;
}

/// All that cuDNN 9.19 lists for bfloat16 operands with a float32 result or an epilogue.
const std::vector<Engine>& unbuildable_engines() {
  static const std::vector<Engine> engines{
      {.index = 76,
       .notes = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE},
       .compiled = true,
       .buildable = false},
  };
  return engines;
}

/// Those that know the types of the graph's tensors.
const std::vector<Engine>& engines_for(const Graph& graph) {
  static const std::vector<Engine> none;
  const auto read = graph.convolution().operands();
  const cudnnDataType_t operands = read[0]->type;
  if (read[1]->type != operands) return none;
  const cudnnDataType_t result = written_by(graph.operations.back()).type;
  if (operands == CUDNN_DATA_FLOAT) return result == operands ? float32_engines() : none;
  const bool fused = graph.operations.size() > 1;
  return fused || result != operands ? unbuildable_engines() : bfloat16_engines();
}

/// Tensor cores load 16 bytes at a time, Winograd's transforms are made for 3x3 filters.
bool fits(const Engine& engine, const Convolution& convolution) {
  switch (engine.fitting) {
    case Fitting::kAny:
      return true;
    case Fitting::kWideChannels: {
      const std::int64_t elements = 16 / convolution.x.element_bytes();
      bool aligned = convolution.w.dims[0] % elements == 0 && convolution.w.dims[1] % elements == 0;
      for (const Tensor* t : {&convolution.x, &convolution.w, &convolution.y}) {
        aligned = aligned && t->alignment % 16 == 0;
      }
      return aligned;
    }
    default: {
      const Window& window = convolution.window;
      return convolution.w.dims[2] == 3 && convolution.w.dims[3] == 3 &&
             window.stride == Window::Pair{1, 1} && window.dilation == Window::Pair{1, 1};
    }
  }
}

bool is_offered(const Engine& engine, Offer offer) {
  switch (offer) {
    case Offer::kNone:
      return false;
    case Offer::kTensorCore:
      return engine.has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
    case Offer::kCompiled:
      return engine.compiled;
    default:
      return true;
  }
}

}  // namespace

bool Engine::has(cudnnBackendNumericalNote_t note) const {
  return std::find(notes.begin(), notes.end(), note) != notes.end();
}

std::vector<Engine> offered_engines(const Graph& graph, cudnnBackendHeurMode_t mode, Offer offer) {
  std::vector<Engine> offered;
  for (const Engine& engine : engines_for(graph)) {
    if (engine.mode == mode && is_offered(engine, offer) && fits(engine, graph.convolution())) {
      offered.push_back(engine);
    }
  }
  return offered;
}

std::int64_t workspace_bytes(const Engine& engine, const Graph& graph, Offer offer) {
  if (offer == Offer::kAboveCeiling) return std::int64_t{1} << 40;
  if (offer == Offer::kFullCeiling) return std::int64_t{256} << 20;
  switch (engine.workspace) {
    case Workspace::kNone:
      return 0;
    case Workspace::kSmall:
      return 4096;
    default: {
      const Convolution& convolution = graph.convolution();
      return convolution.x.elements() * convolution.x.element_bytes() +
             convolution.y.elements() * convolution.y.element_bytes();
    }
  }
}

void build(const Engine& engine) {
  if (asked_for++ < settings().unsupported_plans) {
    refuse(CUDNN_STATUS_NOT_SUPPORTED, "one of the first plans, which the settings refuse");
  }
  if (!engine.buildable) {
    refuse(CUDNN_STATUS_NOT_SUPPORTED_RUNTIME_PREREQUISITE_MISSING,
           "engine " + std::to_string(engine.index) +
               " is compiled at run time, and there is no compiler");
  }
}

int plans_asked_for() {
  return asked_for;
}

}  // namespace frost::gpu_double::cudnn
