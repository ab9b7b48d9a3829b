#pragma once

#include <cstdint>
#include <string>

// A double of a GPU: CUDA's runtime, cublasLt and cuDNN as far as kernels/cuda uses them, executed
// on the host and stricter than the real ones (docs/gpu-double.md).
namespace frost::gpu_double {

/// What the double offers and how it behaves, from `FROST_GPU_DOUBLE`: words separated by spaces,
/// as in `seed=3 async engines=none`. Defaults are a healthy GPU.
struct Settings {
  enum class Engines {
    kAll,           ///< several per graph, of which the program must choose
    kNone,          ///< engines=none: cuDNN offers nothing
    kAboveCeiling,  ///< engines=large: every engine asks for more workspace than any program has
    kTensorCore,    ///< engines=tensor_core: only such as round operands
    kCompiled,      ///< engines=compiled: only such as are compiled at run time
    kFullCeiling,   ///< engines=ceiling: every engine asks for 256 MiB, what the program promises
  };

  std::uint64_t seed = 1;     ///< seed=N: the order of warps, blocks and asynchronous work
  bool asynchronous = false;  ///< async: work runs when somebody waits for it, or at random
  Engines engines = Engines::kAll;
  int unsupported_plans = 0;            ///< unsupported_plans=N: the first N plans cannot be built
  bool aligned_bf16_only = false;       ///< aligned_bf16: cublasLt refuses bf16 not aligned to 16
  bool largest_workspace = false;       ///< gemm_workspace: products ask for all they may have
  std::int64_t failing_allocation = 0;  ///< fail_allocation=N: the N-th fails, counted from 1
  std::int64_t last_allocation = 0;     ///< out_of_memory=N: all after the N-th fail; 0: none
  std::int64_t idle_after = -1;         ///< idle_after=N: computes N pieces of work; -1: all
  int driver_version = 13000;           ///< driver=none (0) or driver=old (11040)
};

/// What these words say. An unknown one is a `violation`.
Settings parse_settings(const std::string& words);

/// Those of `FROST_GPU_DOUBLE`, read once.
const Settings& settings();

/// Other settings while it lives, for the double's own tests.
class SettingsScope {
 public:
  explicit SettingsScope(const Settings& others);
  explicit SettingsScope(const std::string& words) : SettingsScope(parse_settings(words)) {}
  ~SettingsScope();
  SettingsScope(const SettingsScope&) = delete;
  SettingsScope& operator=(const SettingsScope&) = delete;

 private:
  Settings before_;
};

/// Ends the process with one line: the program did what CUDA leaves undefined.
[[noreturn]] void violation(const std::string& what);

}  // namespace frost::gpu_double
