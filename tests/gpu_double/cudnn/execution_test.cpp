#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "tests/gpu_double/cudnn/engines.h"
#include "tests/gpu_double/cudnn/fixture.h"
#include "tests/gpu_double/device_block.h"
#include "tests/gpu_double/memory.h"
#include "tests/gpu_double/stream.h"

// Engines that the double of cuDNN offers, plans made of them, and what their execution demands.
namespace frost::gpu_double::cudnn {
namespace {

using Offer = Settings::Engines;
constexpr auto kModes = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK};

std::vector<Engine> all_engines(const Graph& graph, Offer offer = Offer::kAll) {
  std::vector<Engine> engines;
  for (const auto mode : kModes) {
    for (const Engine& engine : offered_engines(graph, mode, offer)) engines.push_back(engine);
  }
  return engines;
}

std::ptrdiff_t count(const std::vector<Engine>& engines, cudnnBackendNumericalNote_t note) {
  return std::count_if(engines.begin(), engines.end(),
                       [&](const Engine& each) { return each.has(note); });
}

TEST(CudnnDoubleEngines, TheFirstOfEachListIsWrongInTrueFloat32) {
  const Graph graph = fused_graph();
  const auto first = offered_engines(graph, CUDNN_HEUR_MODE_A, Offer::kAll);
  ASSERT_GE(first.size(), 5U);
  EXPECT_TRUE(first[0].compiled);
  EXPECT_TRUE(first[1].has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS));
  for (const Engine& engine : first) {
    EXPECT_TRUE(engine.compiled || !engine.notes.empty()) << engine.index;
    EXPECT_FALSE(engine.has(CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP));
  }
  const auto all = all_engines(graph);
  EXPECT_EQ(count(all, CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP), 1);
  EXPECT_EQ(count(all, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC), 1);
  EXPECT_EQ(count(all, CUDNN_NUMERICAL_NOTE_WINOGRAD), 1);
}

TEST(CudnnDoubleEngines, TensorCoresWantAlignedPointersAndWideChannels) {
  const auto tensor_cores = [](const Convolution& convolution) {
    return count(all_engines({{convolution}}), CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
  };
  Convolution convolution = small_convolution();
  EXPECT_EQ(tensor_cores(convolution), 2);
  convolution.y.alignment = 4;
  EXPECT_EQ(tensor_cores(convolution), 1);
  convolution = small_convolution();
  convolution.w.dims[1] = convolution.x.dims[1] = 3;
  EXPECT_EQ(tensor_cores(convolution), 1);
}

TEST(CudnnDoubleEngines, Bfloat16HasReadyEnginesForABfloat16ResultAlone) {
  Convolution convolution = small_convolution(CUDNN_DATA_BFLOAT16);
  const auto ready = [](const Graph& graph) {
    const auto engines = all_engines(graph);
    EXPECT_FALSE(engines.empty());
    return std::any_of(engines.begin(), engines.end(),
                       [](const Engine& each) { return each.buildable; });
  };
  EXPECT_TRUE(ready({{convolution}}));
  convolution.y.type = CUDNN_DATA_FLOAT;
  EXPECT_FALSE(ready({{convolution}}));
  Graph fused = fused_graph();
  auto& first = std::get<Convolution>(fused.operations[0]);
  first.x.type = first.w.type = CUDNN_DATA_BFLOAT16;
  EXPECT_FALSE(ready(fused));
  first.w.type = CUDNN_DATA_FLOAT;
  EXPECT_TRUE(all_engines(fused).empty());
}

TEST(CudnnDoubleEngines, AreOfferedAsTheSettingsSay) {
  const Graph graph{{small_convolution()}};
  EXPECT_TRUE(all_engines(graph, Offer::kNone).empty());
  for (const Engine& each : all_engines(graph, Offer::kTensorCore)) {
    EXPECT_TRUE(each.has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE));
  }
  for (const Engine& each : all_engines(graph, Offer::kCompiled)) EXPECT_TRUE(each.compiled);
  EXPECT_FALSE(all_engines(graph, Offer::kTensorCore).empty());
  EXPECT_FALSE(all_engines(graph, Offer::kCompiled).empty());
}

TEST(CudnnDoubleEngines, AskForDifferentWorkspaces) {
  const Graph graph{{small_convolution()}};
  std::vector<std::int64_t> sizes;
  for (const Engine& each : all_engines(graph)) {
    sizes.push_back(workspace_bytes(each, graph, Offer::kAll));
    EXPECT_EQ(workspace_bytes(each, graph, Offer::kFullCeiling), 256 << 20);
    EXPECT_GT(workspace_bytes(each, graph, Offer::kAboveCeiling), std::int64_t{80} << 30);
  }
  for (const std::int64_t size : {0, 4096, (2 * 4 * 30 + 2 * 8 * 30) * 4}) {
    EXPECT_NE(std::find(sizes.begin(), sizes.end(), size), sizes.end()) << size;
  }
}

constexpr std::size_t kX = 2 * 4 * 30, kWeight = 8 * 4 * 9, kY = 2 * 8 * 30;
constexpr std::int64_t kSmallWorkspace = 4096;

/// A plan of the small convolution whose engine has the index, and memory for it, all ones.
class CudnnDoubleExecution : public testing::Test {
 protected:
  CudnnDoubleExecution() {
    for (const DeviceBlock* block : {&x_, &w_}) {
      std::fill_n(block->data<float>(), block == &x_ ? kX : kWeight, 1.0f);
    }
  }

  std::optional<Made> config(std::int64_t index) const {
    for (const auto mode : kModes) {
      for (Made& each : library_.configs({{small_convolution()}}, mode)) {
        Made engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
        cudnnBackendDescriptor_t raw = engine.raw();
        EXPECT_EQ(cudnnBackendGetAttribute(each.raw(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                           CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, nullptr, &raw),
                  CUDNN_STATUS_SUCCESS);
        if (engine.get<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX).front() == index) {
          return std::move(each);
        }
      }
    }
    return std::nullopt;
  }

  Made plan(std::int64_t index) const {
    return library_.unfinished_plan(*config(index)).finalized();
  }

  std::map<std::int64_t, void*> pack() const {
    return {{1, x_.data()}, {2, w_.data()}, {3, y_.data()}};
  }

  Library library_;
  DeviceBlock x_{kX * 4}, w_{kWeight * 4}, y_{kY * 4};
};

constexpr std::int64_t kPlainEngine = 0, kSmallWorkspaceEngine = 60;

TEST_F(CudnnDoubleExecution, ComputesIntoTheResult) {
  ASSERT_EQ(library_.execute(plan(kPlainEngine), pack(), nullptr), CUDNN_STATUS_SUCCESS)
      << last_error();
  finish_work();
  EXPECT_EQ(y_.data<float>()[0], 4 * 4);
  EXPECT_EQ(y_.data<float>()[(1 * 6 + 1) * 8], 9 * 4);
}

TEST_F(CudnnDoubleExecution, TheNotesOfAnEngineCanBeRead) {
  const std::optional<Made> found = config(38);
  ASSERT_TRUE(found);
  const Made engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.raw();
  ASSERT_EQ(cudnnBackendGetAttribute(found->raw(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, nullptr, &raw),
            CUDNN_STATUS_SUCCESS);
  EXPECT_EQ(
      engine.get<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE),
      (std::vector{CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS}));
  EXPECT_TRUE(engine.get<cudnnBackendBehaviorNote_t>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE).empty());
}

TEST_F(CudnnDoubleExecution, EveryTensorIsThereOnceAndAligned) {
  const Made made = plan(kPlainEngine);
  auto missing = pack(), foreign = pack(), null = pack(), crooked = pack();
  missing.erase(2);
  foreign[9] = x_.data();
  null[1] = nullptr;
  crooked[1] = x_.data() + 4;
  EXPECT_EQ(library_.execute(made, missing, nullptr), CUDNN_STATUS_BAD_PARAM);
  EXPECT_NE(last_error().find("uid 2 is not in the pack"), std::string::npos) << last_error();
  EXPECT_EQ(library_.execute(made, foreign, nullptr), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(library_.execute(made, null, nullptr), CUDNN_STATUS_BAD_PARAM_NULL_POINTER);
  EXPECT_EQ(library_.execute(made, crooked, nullptr), CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER);
}

TEST_F(CudnnDoubleExecution, NeedsAFinalizedPlanAndAPack) {
  const Made unready = library_.unfinished_plan(*config(kPlainEngine));
  EXPECT_EQ(library_.execute(unready, pack(), nullptr), CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
  const Made tensor = unfinished(small_convolution().x).finalized();
  EXPECT_EQ(library_.execute(tensor, pack(), nullptr), CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE);
}

TEST_F(CudnnDoubleExecution, FillsItsWorkspaceAndNotMore) {
  const Made made = plan(kSmallWorkspaceEngine);
  EXPECT_EQ(made.get<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE).front(),
            kSmallWorkspace);
  EXPECT_EQ(library_.execute(made, pack(), nullptr), CUDNN_STATUS_BAD_PARAM_NULL_POINTER);
  const DeviceBlock workspace(kSmallWorkspace + 64);
  std::fill_n(workspace.data<char>(), kSmallWorkspace + 64, '\1');
  ASSERT_EQ(library_.execute(made, pack(), workspace.data()), CUDNN_STATUS_SUCCESS);
  finish_work();
  EXPECT_EQ(std::count(workspace.data<char>(), workspace.data<char>() + kSmallWorkspace, '\xFF'),
            kSmallWorkspace);
  EXPECT_EQ(workspace.data<char>()[kSmallWorkspace], '\1');
}

using CudnnDoubleExecutionDeathTest = CudnnDoubleExecution;

TEST_F(CudnnDoubleExecutionDeathTest, MemoryIsTheDevicesAndLongEnough) {
  alignas(16) static float host[kX];
  const Made plain = plan(kPlainEngine), small = plan(kSmallWorkspaceEngine);
  auto foreign = pack(), two_short = pack();
  foreign[1] = host;
  two_short[3] = y_.data() + 16;
  EXPECT_DEATH(library_.execute(plain, foreign, nullptr), "uid 1");
  EXPECT_DEATH(library_.execute(plain, two_short, nullptr), "uid 3");
  const DeviceBlock workspace(kSmallWorkspace / 2);
  EXPECT_DEATH(library_.execute(small, pack(), workspace.data()), "workspace");
}

TEST_F(CudnnDoubleExecutionDeathTest, MemoryIsCheckedAtTheCallAlreadyNotWhenTheWorkRuns) {
  const SettingsScope later("async");
  auto short_of_memory = pack();
  short_of_memory[3] = y_.data() + 16;
  EXPECT_DEATH(library_.execute(plan(kPlainEngine), short_of_memory, nullptr), "uid 3");
}

TEST_F(CudnnDoubleExecutionDeathTest, WhatIsWrittenOverlapsNothing) {
  const DeviceBlock shared(kX * 4 + kY * 4 + kSmallWorkspace);
  auto over_x = pack();
  over_x[1] = shared.data();
  over_x[3] = shared.data() + 64;
  EXPECT_DEATH(library_.execute(plan(kPlainEngine), over_x, nullptr), "uid 3 is written and over");
  auto over_workspace = pack();
  over_workspace[1] = shared.data() + 64;
  EXPECT_DEATH(library_.execute(plan(kSmallWorkspaceEngine), over_workspace, shared.data()),
               "workspace is written and overlaps");
}

TEST_F(CudnnDoubleExecution, WorkKeepsWhatItNeeds) {
  const SettingsScope later("async");
  std::fill_n(y_.data<float>(), kY, -1.0f);
  EXPECT_EQ(library_.execute(plan(kPlainEngine), pack(), nullptr), CUDNN_STATUS_SUCCESS);
  finish_work();  // the plan is gone
  EXPECT_EQ(y_.data<float>()[0], 16);
}

TEST_F(CudnnDoubleExecution, TheFirstPlansAreNotSupportedAsTheSettingsSay) {
  const Made chosen = std::move(*config(kPlainEngine));
  const SettingsScope fewer("unsupported_plans=" + std::to_string(plans_asked_for() + 1));
  EXPECT_EQ(library_.unfinished_plan(chosen).finalize(), CUDNN_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(library_.unfinished_plan(chosen).finalize(), CUDNN_STATUS_SUCCESS);
}

TEST_F(CudnnDoubleExecution, WhatIsCompiledForBfloat16CannotBeBuilt) {
  Convolution convolution = small_convolution(CUDNN_DATA_BFLOAT16);
  convolution.y.type = CUDNN_DATA_FLOAT;
  const auto configs = library_.configs({{convolution}}, CUDNN_HEUR_MODE_A);
  ASSERT_EQ(configs.size(), 1U);
  EXPECT_EQ(library_.unfinished_plan(configs[0]).finalize(),
            CUDNN_STATUS_NOT_SUPPORTED_RUNTIME_PREREQUISITE_MISSING);
}

}  // namespace
}  // namespace frost::gpu_double::cudnn
