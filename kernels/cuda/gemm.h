#pragma once

#include <cublasLt.h>

#include <cstdint>
#include <memory>

#include "kernels/cuda/conv/plan_key.h"
#include "kernels/cuda/runtime/arena.h"
#include "kernels/cuda/runtime/stream.h"
#include "kernels/lru_cache.h"

namespace frost::cuda {

/// What an algorithm of cublasLt depends on, without padding bytes.
struct GemmKey {
  std::int64_t m, n, k, lda, ldb, ldc;
  std::int64_t alignment_a, alignment_b, alignment_c;
  std::int32_t transpose_a, transpose_b;
  std::int32_t accumulate;
  std::int32_t math;

  bool operator==(const GemmKey&) const = default;
};

/// Row-major matrix products through cublasLt, with algorithms cached per key and workspace taken
/// from the backend's arena. Sums and C are float32; so are A and B, or bfloat16 where the key says
/// bf16.
class LtGemm {
 public:
  LtGemm(Stream& stream, Arena& arena);
  ~LtGemm();
  LtGemm(const LtGemm&) = delete;
  LtGemm& operator=(const LtGemm&) = delete;

  /// C (=|+=) op(A) op(B). Sizes must not be zero. Throws Error where cublasLt has no algorithm.
  void run(const GemmKey& key, const void* a, const void* b, float* c);

 private:
  struct Plan;

  std::unique_ptr<Plan> make(const GemmKey& key);

  Stream& stream_;
  Arena& arena_;
  cublasLtHandle_t handle_ = nullptr;
  LruCache<GemmKey, std::unique_ptr<Plan>, BytesHash<GemmKey>> plans_;
};

}  // namespace frost::cuda
