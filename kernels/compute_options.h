#pragma once

namespace frost {

/// How a backend may compute float32 products; one switch for convolutions and matrix products.
enum class MathMode {
  kFp32,  ///< float32 products and sums
  kTf32,  ///< inputs of a product rounded to 10 mantissa bits, sums in float32
  kBf16,  ///< inputs of a product rounded to bfloat16, sums in float32; a convolution's result may
          ///< be rounded to bfloat16 once; everything else, parameters too, stays float32
};

constexpr const char* to_string(MathMode mode) {
  return mode == MathMode::kFp32 ? "fp32" : mode == MathMode::kTf32 ? "tf32" : "bf16";
}

/// What a run lets a backend trade for speed.
struct ComputeOptions {
  MathMode math = MathMode::kFp32;
  bool deterministic = true;   ///< false permits kernels whose sums vary from run to run
  bool skip_dead_taps = true;  ///< leave out weights that only ever meet padding, where that pays
};

}  // namespace frost
