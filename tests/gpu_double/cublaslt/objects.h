#pragma once

#include <cublasLt.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "tests/gpu_double/settings.h"

// What is behind the handles of cublasLt.
namespace frost::gpu_double {

struct LtContext {
  static constexpr const char* kName = "handle";
};

struct LtOperation {
  static constexpr const char* kName = "operation descriptor";
  cublasComputeType_t compute;
  cublasOperation_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N;
};

struct LtLayout {
  static constexpr const char* kName = "matrix layout";
  cudaDataType_t type;
  std::int64_t rows, cols, ld;

  bool operator==(const LtLayout&) const = default;
};

struct LtPreference {
  static constexpr const char* kName = "preference";
  std::uint64_t workspace = 0;
  std::array<std::uint32_t, 4> alignment{256, 256, 256, 256};  ///< of A, B, C, D, in bytes
};

/// All live objects of cublasLt. A handle is a number that never comes again, so that its use after
/// `destroy`, or as that of another kind, is seen.
class LtObjects {
 public:
  template <class Handle, class Object>
  void make(Handle* handle, const Object& object) {
    next_ += 16;
    objects_.emplace(next_, object);
    *handle = reinterpret_cast<Handle>(next_);
  }
  /// A `violation` unless such an object is alive.
  template <class Object>
  Object& get(const void* handle) {
    const auto found = objects_.find(reinterpret_cast<std::uintptr_t>(handle));
    Object* object = found == objects_.end() ? nullptr : std::get_if<Object>(&found->second);
    if (object == nullptr) {
      violation(std::string("cublasLt: no ") + Object::kName +
                " is behind this handle: it was destroyed, or made as something else");
    }
    return *object;
  }
  template <class Object>
  void destroy(const void* handle) {
    get<Object>(handle);
    objects_.erase(reinterpret_cast<std::uintptr_t>(handle));
  }
  std::size_t size() const { return objects_.size(); }

 private:
  using Any = std::variant<LtContext, LtOperation, LtLayout, LtPreference>;

  std::uintptr_t next_ = 0;
  std::map<std::uintptr_t, Any> objects_;
};

/// Lives as long as the process: backends are destroyed late.
LtObjects& lt_objects();

}  // namespace frost::gpu_double
