#include "kernels/cuda/conv/conv_plan.h"

#include <array>

#include "kernels/errors.h"

namespace frost::cuda {
namespace {

constexpr std::int64_t kFirstVirtual = 100;
constexpr std::int64_t kVirtualAlignment = 16;

// Deprecated in favour of device properties, which the first versions of cuDNN 9 lack: the handle
// is the form that all of cuDNN 9 takes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
constexpr cudnnBackendAttributeName_t kGraphHandle = CUDNN_ATTR_OPERATIONGRAPH_HANDLE;
constexpr cudnnBackendAttributeName_t kPlanHandle = CUDNN_ATTR_EXECUTION_PLAN_HANDLE;
#pragma GCC diagnostic pop

/// How one direction of a convolution spells its operation.
struct OperationNames {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t x, w, y, convolution, alpha, beta;
};

OperationNames operation_names(std::int32_t direction) {
  switch (direction) {
    case PlanKey::kForward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case PlanKey::kBackwardData:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    default:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
  }
}

cudnnDataType_t data_type(const PlanKey& key) {
  return key.data_type == PlanKey::kBfloat16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

cudnnBackendHeurMode_t heuristic(HeuristicMode mode) {
  switch (mode) {
    case HeuristicMode::kA:
      return CUDNN_HEUR_MODE_A;
    case HeuristicMode::kB:
      return CUDNN_HEUR_MODE_B;
    default:
      return CUDNN_HEUR_MODE_FALLBACK;
  }
}

}  // namespace

const Descriptor& ConvOperations::keep(Descriptor descriptor) {
  parts_.push_back(std::make_unique<Descriptor>(std::move(descriptor)));
  return *parts_.back();
}

void ConvOperations::convolution(const PlanKey& key, const Descriptor& x, const Descriptor& w,
                                 const Descriptor& y) {
  const std::array<std::int64_t, 2> stride{key.stride, key.stride}, pad{key.pad, key.pad};
  constexpr std::array<std::int64_t, 2> kDilation{1, 1};
  Descriptor shape(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  shape.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, pad)
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, pad)
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, stride)
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, kDilation)
      .finalize();
  const OperationNames names = operation_names(key.direction);
  Descriptor operation(names.type);
  operation.set(names.x, x)
      .set(names.w, w)
      .set(names.y, y)
      .set(names.convolution, keep(std::move(shape)))
      .set(names.alpha, 1.0f)
      .set(names.beta, 0.0f)
      .finalize();
  operations_.push_back(&keep(std::move(operation)));
}

const Descriptor& ConvOperations::add(const Descriptor& x, const Descriptor& b,
                                      const Descriptor& y) {
  Descriptor kind(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  kind.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_POINTWISE_ADD)
      .set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT)
      .finalize();
  Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, keep(std::move(kind)))
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y)
      .finalize();
  operations_.push_back(&keep(std::move(operation)));
  return y;
}

ConvOperations::ConvOperations(const PlanKey& key) {
  const Conv2dShape s = key.shape();
  const Dims output{s.n, s.k, s.oh(), s.ow()};
  const auto tensor = [&](ConvTensor uid, const Dims& dims) -> const Descriptor& {
    return keep(channels_last_tensor(uid, dims, data_type(key), key.alignment, false));
  };
  const Descriptor& x = tensor(kX, {s.n, s.c, s.h, s.w});
  const Descriptor& w = tensor(kWeight, {s.k, s.c, s.kh, s.kw});
  const Descriptor& y = tensor(kY, output);

  // The last step writes y; every step before it writes a tensor that stays inside the graph.
  int steps_left = 0;
  for (const auto part : {PlanKey::kResidual, PlanKey::kBias}) {
    if (key.epilogue & part) ++steps_left;
  }
  std::int64_t next_virtual = kFirstVirtual;
  const auto target = [&]() -> const Descriptor& {
    return steps_left-- == 0 ? y
                             : keep(channels_last_tensor(next_virtual++, output, CUDNN_DATA_FLOAT,
                                                         kVirtualAlignment, true));
  };
  const Descriptor* value = &target();
  convolution(key, x, w, *value);
  if (key.epilogue & PlanKey::kResidual) {
    value = &add(*value, tensor(kResidual, output), target());
  }
  if (key.epilogue & PlanKey::kBias) {
    add(*value, tensor(kBias, {1, s.k, 1, 1}), target());
  }
}

ConvPlan::ConvPlan(std::unique_ptr<ConvOperations> operations, Descriptor graph, Descriptor config,
                   Descriptor plan, EngineTraits engine, std::int64_t workspace_bytes)
    : operations_(std::move(operations)),
      graph_(std::move(graph)),
      config_(std::move(config)),
      plan_(std::move(plan)),
      engine_(engine),
      workspace_bytes_(workspace_bytes) {}

void ConvPlan::run(cudnnHandle_t handle, std::span<const Argument> arguments,
                   void* workspace) const {
  std::vector<std::int64_t> names;
  std::vector<void*> data;
  for (const Argument& a : arguments) {
    names.push_back(a.tensor);
    data.push_back(const_cast<void*>(a.data));  // the C interface knows no const; inputs stay as is
  }
  // Made anew for each call: cuDNN refuses to change a finalized one (CUDNN_STATUS_BAD_PARAM), and
  // pointers differ from call to call. That takes 2 us of the host; a recording pays it once.
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, names)
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, data)
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, std::span<void* const>(&workspace, 1))
      .finalize();
  FROST_CUDNN(cudnnBackendExecute(handle, plan_.raw(), pack.raw()));
}

namespace {

/// The candidates of one heuristic; none where cuDNN cannot say, with the cause in `why`.
std::vector<Descriptor> engine_configs(const Descriptor& graph, const PlanTarget& target,
                                       HeuristicMode mode, std::string& why) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, heuristic(mode));
  if (target.device != nullptr) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.device);
  cudnnStatus_t status = heuristics.try_finalize();
  std::int64_t count = 0;
  if (status == CUDNN_STATUS_SUCCESS) {
    status = cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                      CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr);
  }
  if (status != CUDNN_STATUS_SUCCESS) {
    why = cudnn_failure(status);
    return {};
  }
  std::vector<Descriptor> configs;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t i = 0; i < count; ++i) {
    configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(configs.back().raw());
  }
  if (count > 0) {
    FROST_CUDNN(cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                         CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count, raw.data()));
    while (static_cast<std::int64_t>(configs.size()) > count) configs.pop_back();
  }
  return configs;
}

/// Marks in `traits` what the engine's notes say.
void read_notes(cudnnBackendDescriptor_t engine, EngineTraits& traits) {
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> numerical;
  std::array<cudnnBackendBehaviorNote_t, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT> behavior;
  std::int64_t numericals = 0, behaviors = 0;
  FROST_CUDNN(cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                       CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT,
                                       &numericals, numerical.data()));
  FROST_CUDNN(cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
                                       CUDNN_TYPE_BEHAVIOR_NOTE, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT,
                                       &behaviors, behavior.data()));
  for (std::size_t i = 0; i < static_cast<std::size_t>(numericals); ++i) {
    switch (numerical[i]) {
      case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
        traits.tensor_core = true;
        break;
      case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
        traits.down_converts = true;
        break;
      case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
        traits.reduced_reduction = true;
        break;
      case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
        traits.nondeterministic = true;
        break;
      case CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP:
        traits.keeps_nan = true;
        break;
      case CUDNN_NUMERICAL_NOTE_FFT:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
      case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13:
        traits.transforms = true;
        break;
      default:
        break;
    }
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(behaviors); ++i) {
    if (behavior[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) traits.compiled_at_run_time = true;
  }
}

EngineTraits engine_traits(const Descriptor& config) {
  const Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.raw();
  std::int64_t count = 0;
  FROST_CUDNN(cudnnBackendGetAttribute(config.raw(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &raw));
  EngineTraits traits;
  traits.index = engine.get_int64(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
  read_notes(engine.raw(), traits);
  return traits;
}

}  // namespace

Descriptor device_properties(const std::string& json) {
  Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, std::string_view(json)).finalize();
  return device;
}

std::unique_ptr<ConvPlan> build_conv_plan(const PlanTarget& target, const PlanKey& key,
                                          std::string& why) {
  auto operations = std::make_unique<ConvOperations>(key);
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, std::span(operations->operations()));
  if (target.handle != nullptr) graph.set(kGraphHandle, target.handle);
  if (const cudnnStatus_t status = graph.try_finalize(); status != CUDNN_STATUS_SUCCESS) {
    why = cudnn_failure(status);
    if (key.epilogue != PlanKey::kNone || is_unsupported(status)) return nullptr;
    fail("cudnn", why);
  }
  why = "no engine is offered that keeps to the precision and determinism asked for";
  ComputeOptions options;
  options.math = static_cast<MathMode>(key.math);
  options.deterministic = key.deterministic != 0;
  return choose_engine(
      options, [&](HeuristicMode mode) { return engine_configs(graph, target, mode, why); },
      engine_traits,
      [&](Descriptor& config) -> std::unique_ptr<ConvPlan> {
        Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
        if (target.handle != nullptr) plan.set(kPlanHandle, target.handle);
        if (target.device != nullptr)
          plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.device);
        if (const cudnnStatus_t status = plan.try_finalize(); status != CUDNN_STATUS_SUCCESS) {
          why = cudnn_failure(status);
          return nullptr;
        }
        const std::int64_t bytes = plan.get_int64(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
        if (bytes > kWorkspaceCeiling) {
          why = "every engine needs more than the workspace ceiling";
          return nullptr;
        }
        const EngineTraits traits = engine_traits(config);
        return std::make_unique<ConvPlan>(std::move(operations), std::move(graph),
                                          std::move(config), std::move(plan), traits, bytes);
      });
}

}  // namespace frost::cuda
