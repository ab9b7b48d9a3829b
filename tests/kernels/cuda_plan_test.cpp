#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "kernels/cuda/conv/engine_choice.h"
#include "kernels/cuda/conv/plan_key.h"
#include "kernels/cuda/runtime/arena.h"
#include "kernels/cuda/runtime/diagnosis.h"
#include "kernels/lru_cache.h"

// The parts of the CUDA backend that decide and compute on the host.
namespace frost::cuda {
namespace {

const Conv2dShape kShape{8, 24, 24, 64, 128, 3, 5, 2, 1};

PlanKey a_key() {
  return plan_key(kShape, PlanKey::kForward, PlanKey::kBias, {}, 16);
}

TEST(CudaPlanKey, EveryFieldTellsTwoPlansApart) {
  std::vector<PlanKey> keys(17, a_key());
  keys[1].n += 1;
  keys[2].h += 1;
  keys[3].w += 1;
  keys[4].c += 1;
  keys[5].k += 1;
  keys[6].kh += 1;
  keys[7].kw += 1;
  keys[8].stride += 1;
  keys[9].pad += 1;
  keys[10].direction = PlanKey::kBackwardData;
  keys[11].epilogue = PlanKey::kBias | PlanKey::kResidual;
  keys[12].layout += 1;
  keys[13].data_type += 1;
  keys[14].math = static_cast<std::int32_t>(MathMode::kTf32);
  keys[15].deterministic = 0;
  keys[16].alignment = 4;
  std::set<std::size_t> hashes;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    hashes.insert(BytesHash<PlanKey>{}(keys[i]));
    for (std::size_t j = 0; j < keys.size(); ++j) EXPECT_EQ(keys[i] == keys[j], i == j);
  }
  EXPECT_EQ(hashes.size(), keys.size());
}

TEST(CudaPlanKey, EqualCallsFindTheSamePlan) {
  EXPECT_EQ(a_key(), a_key());
  EXPECT_EQ(BytesHash<PlanKey>{}(a_key()), BytesHash<PlanKey>{}(a_key()));
  EXPECT_EQ(a_key().shape(), kShape);
  LruCache<PlanKey, int, BytesHash<PlanKey>> cache(4);
  int made = 0;
  for (int i = 0; i < 3; ++i) cache.get(a_key(), [&] { return ++made; });
  EXPECT_EQ(made, 1);
}

TEST(CudaPlanKey, OnlyBf16HasBfloat16Data) {
  const auto data_type = [](MathMode math) {
    return plan_key(kShape, PlanKey::kForward, PlanKey::kNone, {math, true}, 16).data_type;
  };
  EXPECT_EQ(data_type(MathMode::kFp32), PlanKey::kFloat32);
  EXPECT_EQ(data_type(MathMode::kTf32), PlanKey::kFloat32);
  EXPECT_EQ(data_type(MathMode::kBf16), PlanKey::kBfloat16);
}

TEST(CudaPlanKey, AlignmentIsThatOfTheWorstPointer) {
  const auto at = [](std::uintptr_t address) { return reinterpret_cast<const float*>(address); };
  EXPECT_EQ(common_alignment(at(256), at(512)), 16);
  EXPECT_EQ(common_alignment(at(256), at(260)), 4);
  EXPECT_EQ(common_alignment(at(264), at(256)), 8);
  EXPECT_EQ(common_alignment(at(256), at(0)), 16) << "a pointer that is not there constrains none";
}

struct Candidate {
  int id;
  EngineTraits traits = {};
  bool builds = true;
};
using Lists = std::vector<std::vector<Candidate>>;

/// The id of the engine chosen from fake lists (0: none), and the lists that were asked for.
std::pair<int, std::vector<HeuristicMode>> choose(const ComputeOptions& options,
                                                  const Lists& lists) {
  std::vector<HeuristicMode> asked;
  const auto built = choose_engine(
      options,
      [&](HeuristicMode mode) {
        asked.push_back(mode);
        return lists[static_cast<std::size_t>(mode)];
      },
      [](const Candidate& c) { return c.traits; },
      [](const Candidate& c) { return c.builds ? std::make_unique<int>(c.id) : nullptr; });
  return {built ? *built : 0, asked};
}

const EngineTraits kPlain = {};

EngineTraits engine_with(bool EngineTraits::*trait) {
  EngineTraits engine;
  engine.*trait = true;
  return engine;
}

using Asked = std::vector<HeuristicMode>;

TEST(CudaEngineChoice, AsksALaterHeuristicOnlyWhereTheEarlierGaveNothing) {
  EXPECT_EQ(choose({}, {{{1, kPlain}, {2, kPlain}}, {{3, kPlain}}, {{4, kPlain}}}),
            std::pair(1, Asked{HeuristicMode::kA}));
  EXPECT_EQ(choose({}, {{{1, kPlain, false}}, {{3, kPlain}}, {{4, kPlain}}}),
            std::pair(3, (Asked{HeuristicMode::kA, HeuristicMode::kB})));
  EXPECT_EQ(choose({}, {{}, {}, {{4, kPlain}}}),
            std::pair(4, (Asked{HeuristicMode::kA, HeuristicMode::kB, HeuristicMode::kFallback})));
  EXPECT_EQ(choose({}, {{}, {}, {}}).first, 0);
}

TEST(CudaEngineChoice, Fp32TakesNoTensorCoreAndNoTransform) {
  const EngineTraits tensor = engine_with(&EngineTraits::tensor_core);
  const EngineTraits winograd = engine_with(&EngineTraits::transforms);
  const Lists lists{{{1, tensor}, {2, winograd}, {3, kPlain}}, {}, {}};
  EXPECT_EQ(choose({MathMode::kFp32, true}, lists).first, 3);
  EXPECT_EQ(choose({MathMode::kTf32, true}, lists).first, 1);
}

TEST(CudaEngineChoice, Bf16TakesTensorCoresButNoTransform) {
  const EngineTraits tensor = engine_with(&EngineTraits::tensor_core);
  const EngineTraits winograd = engine_with(&EngineTraits::transforms);
  const Lists lists{{{1, winograd}, {2, tensor}, {3, kPlain}}, {}, {}};
  EXPECT_EQ(choose({MathMode::kBf16, true}, lists).first, 2);
  EXPECT_EQ(choose({MathMode::kTf32, true}, lists).first, 1);
}

TEST(CudaEngineChoice, NothingRoundsInputsOrSumsBelowFloat) {
  const Lists lists{{{1, engine_with(&EngineTraits::down_converts)},
                     {2, engine_with(&EngineTraits::reduced_reduction)}},
                    {},
                    {}};
  for (const MathMode math : {MathMode::kFp32, MathMode::kTf32, MathMode::kBf16}) {
    EXPECT_EQ(choose({math, false}, lists).first, 0);
  }
}

TEST(CudaEngineChoice, DeterminismExcludesEnginesThatVary) {
  const Lists lists{{{1, engine_with(&EngineTraits::nondeterministic)}, {2, kPlain}}, {}, {}};
  EXPECT_EQ(choose({MathMode::kFp32, true}, lists).first, 2);
  EXPECT_EQ(choose({MathMode::kFp32, false}, lists).first, 1);
}

TEST(CudaEngineChoice, CompilesAtRunTimeOnlyWhereNothingIsReady) {
  const EngineTraits compiled = engine_with(&EngineTraits::compiled_at_run_time);
  EXPECT_EQ(choose({}, {{{1, compiled}}, {}, {{4, kPlain}}}).first, 4);
  EXPECT_EQ(choose({}, {{{1, compiled, false}}, {{2, compiled}}, {}}).first, 2);
}

TEST(CudaArena, PiecesAreAlignedDisjointAndReturned) {
  std::vector<std::byte> block(4096);
  Arena arena(block.data(), block.size());
  auto* first = static_cast<std::byte*>(arena.take(1));
  {
    const Arena::Scope scope(arena);
    auto* second = static_cast<std::byte*>(arena.take(257));
    EXPECT_EQ(second - first, 256);
    auto* third = static_cast<std::byte*>(arena.take(0));
    EXPECT_EQ(third - second, 512);
    EXPECT_EQ(arena.left(), 4096U - 256 - 512);
  }
  EXPECT_EQ(arena.left(), 4096U - 256);
  EXPECT_EQ(static_cast<std::byte*>(arena.take(4096 - 256)) - first, 256);
}

TEST(CudaArena, RefusesMoreThanIsLeft) {
  std::vector<std::byte> block(1024);
  Arena arena(block.data(), block.size());
  arena.take(300);
  EXPECT_THROW(arena.take(600), Error);
  EXPECT_THROW(arena.take(~std::size_t{0}), Error) << "rounding up must not wrap around";
  EXPECT_NO_THROW(arena.take(512));
}

DeviceProbe good_probe() {
  DeviceProbe p;
  p.driver_version = 13010;
  p.runtime_version = 13000;
  p.devices = 1;
  p.name = "NVIDIA H200";
  p.major = 9;
  p.has_kernels = p.has_pools = true;
  p.free_bytes = p.total_bytes = std::size_t{140} << 30;
  return p;
}

TEST(CudaDiagnosis, NamesTheFirstCauseInOneLine) {
  EXPECT_EQ(device_problem(good_probe()), "");
  const auto problem = [](auto change) {
    DeviceProbe p = good_probe();
    change(p);
    return device_problem(p);
  };
  EXPECT_EQ(problem([](DeviceProbe& p) { p.driver_version = 0; }), "no NVIDIA driver is installed");
  EXPECT_EQ(problem([](DeviceProbe& p) { p.driver_version = 12040; }),
            "the NVIDIA driver is too old: it supports CUDA 12.4, this build needs 13.0");
  EXPECT_EQ(problem([](DeviceProbe& p) { p.devices = 0; }), "no GPU is visible");
  EXPECT_EQ(problem([](DeviceProbe& p) { p.error = "device busy"; }),
            "the GPU does not answer: device busy");
  EXPECT_EQ(problem([](DeviceProbe& p) { p.has_kernels = false; }),
            "this build holds no code for NVIDIA H200 (compute capability 9.0): rebuild with "
            "FROST_CUDA_ARCHITECTURES=90");
  EXPECT_EQ(problem([](DeviceProbe& p) { p.free_bytes = std::size_t{300} << 20; }),
            "too little GPU memory: 300.0 MiB of 143360.0 MiB are free, 1024.0 MiB are needed");
}

TEST(CudaDiagnosis, Bf16NeedsADeviceThatHasIt) {
  DeviceProbe p = good_probe();
  EXPECT_EQ(precision_problem(MathMode::kBf16, p), "");
  p.name = "Tesla T4";
  p.major = 7;
  p.minor = 5;
  EXPECT_EQ(precision_problem(MathMode::kBf16, p),
            "precision bf16 needs a GPU of compute capability 8.0, Tesla T4 has 7.5: use fp32");
  EXPECT_EQ(precision_problem(MathMode::kFp32, p), "");
}

TEST(CudaDiagnosis, ADriverOfTheSameMajorVersionIsNewEnough) {
  DeviceProbe p = good_probe();
  p.driver_version = 13000;
  p.runtime_version = 13020;
  EXPECT_EQ(device_problem(p), "");
}

TEST(CudaDiagnosis, OutOfMemoryTellsWhatIsFreeAndWhoHoldsTheRest) {
  MemoryLedger ledger;
  ledger.add(MemoryTag::kParameters, 3 << 20);
  ledger.add(MemoryTag::kSaved, 5 << 20);
  ledger.remove(MemoryTag::kSaved, 5 << 20);
  const std::string text = out_of_device_memory(std::size_t{64} << 20, std::size_t{10} << 20,
                                                std::size_t{80} << 20, ledger.snapshot())
                               .what();
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "[cuda] out of GPU memory: 64.0 MiB asked for, 10.0 MiB of 80.0 MiB free");
  EXPECT_NE(text.find("parameters          3.00       3.00\n"), std::string::npos) << text;
  EXPECT_NE(text.find("saved               0.00       5.00\n"), std::string::npos) << text;
  EXPECT_NE(text.find("total               3.00       8.00\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace frost::cuda
