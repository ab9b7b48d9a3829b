#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/compute_options.h"
#include "kernels/families/convolution.h"

namespace frost::cuda {

/// Everything a convolution plan depends on, without padding bytes, so that equal bytes are equal
/// keys.
struct PlanKey {
  enum Direction : std::int32_t { kForward, kBackwardData, kBackwardWeight };
  /// What is added to the sums. No ReLU: of cuDNN's engines in fp32 none that is chosen promises to
  /// let a NaN through it, and a hidden NaN would train on (conv_epilogue keeps it).
  enum Epilogue : std::int32_t { kNone = 0, kBias = 1, kResidual = 2 };
  enum Layout : std::int32_t { kNhwc };
  enum DataType : std::int32_t { kFloat32, kBfloat16 };

  std::int64_t n, h, w, c, k, kh, kw, stride, pad;
  std::int32_t direction = kForward;
  std::int32_t epilogue = kNone;
  std::int32_t layout = kNhwc;
  std::int32_t data_type = kFloat32;  ///< of operands and result; sums are float32
  std::int32_t math = static_cast<std::int32_t>(MathMode::kFp32);
  std::int32_t deterministic = 1;
  /// Bytes that every pointer of the call is aligned to, at most 16.
  std::int64_t alignment = 16;

  bool operator==(const PlanKey&) const = default;

  Conv2dShape shape() const { return {n, h, w, c, k, kh, kw, stride, pad}; }
};
static_assert(std::has_unique_object_representations_v<PlanKey>);

inline PlanKey plan_key(const Conv2dShape& s, PlanKey::Direction direction, std::int32_t epilogue,
                        const ComputeOptions& options, std::int64_t alignment) {
  return {s.n,
          s.h,
          s.w,
          s.c,
          s.k,
          s.kh,
          s.kw,
          s.stride,
          s.pad,
          direction,
          epilogue,
          PlanKey::kNhwc,
          options.math == MathMode::kBf16 ? PlanKey::kBfloat16 : PlanKey::kFloat32,
          static_cast<std::int32_t>(options.math),
          options.deterministic ? 1 : 0,
          alignment};
}

/// FNV-1a over the bytes of a key without padding.
template <class Key>
struct BytesHash {
  static_assert(std::has_unique_object_representations_v<Key>);

  std::size_t operator()(const Key& key) const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&key);
    std::uint64_t hash = 14695981039346656037u;
    for (std::size_t i = 0; i < sizeof(Key); ++i) hash = (hash ^ bytes[i]) * 1099511628211u;
    return static_cast<std::size_t>(hash);
  }
};

/// The largest power of two, at most 16, that divides every address; null pointers are free.
template <class... Pointer>
std::int64_t common_alignment(const Pointer*... pointers) {
  const std::uintptr_t bits =
      (std::uintptr_t{16} | ... | reinterpret_cast<std::uintptr_t>(pointers));
  return static_cast<std::int64_t>(bits & (~bits + 1));
}

}  // namespace frost::cuda
