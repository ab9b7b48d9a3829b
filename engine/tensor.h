#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "engine/storage.h"

namespace frost {

using Shape = std::vector<std::int64_t>;

/// Product of the sizes, 1 for no dimension. Throws Error where a size is negative or the product
/// overflows.
std::int64_t numel(const Shape& shape);
/// "[8,56,56,64]", as error messages print it.
std::string to_string(const Shape& shape);

enum class DType { kF32, kI32, kU8, kU32 };
std::size_t size_of(DType dtype);
/// "float32", as error messages print it.
const char* to_string(DType dtype);

/// The type of an element in C++: float, std::int32_t, std::uint8_t or std::uint32_t.
template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, std::int32_t>) {
    return DType::kI32;
  } else if constexpr (std::is_same_v<T, std::uint8_t>) {
    return DType::kU8;
  } else if constexpr (std::is_same_v<T, std::uint32_t>) {
    return DType::kU32;
  } else {
    static_assert(std::is_same_v<T, float>, "no tensor holds such elements");
    return DType::kF32;
  }
}

struct Node;

/// A value handle on tagged device memory: dense, row-major, images as NHWC.
///
/// Copies share memory and gradient. A tensor either is a leaf, possibly with `requires_grad`, or
/// was made by an op and then remembers the tape node that made it. An undefined tensor answers
/// `defined` and `requires_grad`; everything else throws Error.
///
/// Tensors of one backend, and all ops on them, belong to one thread at a time.
class Tensor {
 public:
  Tensor() = default;

  /// Uninitialised memory.
  static Tensor empty(Backend& backend, Shape shape, MemoryTag tag = MemoryTag::kWorkspace,
                      DType dtype = DType::kF32);
  static Tensor zeros(Backend& backend, Shape shape, MemoryTag tag = MemoryTag::kWorkspace);
  static Tensor from_host(Backend& backend, Shape shape, std::span<const float> values,
                          MemoryTag tag = MemoryTag::kWorkspace);
  static Tensor from_host(Backend& backend, std::span<const std::int32_t> values,
                          MemoryTag tag = MemoryTag::kWorkspace);
  static Tensor from_host(Backend& backend, std::span<const std::uint8_t> values,
                          MemoryTag tag = MemoryTag::kWorkspace);

  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const;
  /// Throws Error where there is no such dimension.
  std::int64_t dim(std::size_t i) const;
  std::int64_t numel() const { return frost::numel(shape()); }
  DType dtype() const;
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype()); }
  Backend& backend() const;
  Storage& storage() const;

  /// The elements on the device. Throws Error if T is not their type.
  template <class T = float>
  T* data() const {
    return reinterpret_cast<T*>(raw(dtype_of<T>()));
  }
  /// Data with the identity that lets backends keep reordered copies.
  WeightView weight_view() const;

  /// A copy of the elements. Throws Error if T is not their type.
  template <class T = float>
  std::vector<T> to_host() const;
  /// Overwrites the values and bumps the version. Throws Error if count or type differs.
  void copy_from_host(std::span<const float> values);
  void copy_from_host(std::span<const std::int32_t> values);
  void copy_from_host(std::span<const std::uint8_t> values);
  /// The same from a tensor of equal shape and type on the same device.
  void copy_from(const Tensor& source);

  /// The same memory and gradient under another shape of equal size.
  Tensor reshape(Shape shape) const;
  /// The same memory without a gradient history.
  Tensor detach() const;

  bool requires_grad() const;
  /// Marks a leaf as trainable; false also drops its gradient buffer.
  void set_requires_grad(bool on);
  /// The gradient of a leaf, or an undefined tensor where none was written since `zero_grad`.
  Tensor grad() const;
  /// Allocates the gradient buffer of a trainable leaf ahead of the first backward pass.
  void allocate_grad();
  /// Forgets the gradient's value but keeps its buffer: the next write overwrites it.
  void zero_grad();
  /// Writes the gradient of a trainable leaf. Throws Error unless there is a value for each
  /// element.
  void set_grad(std::span<const float> values);

 private:
  struct Impl;
  friend class Op;
  friend class GradSlots;
  friend void backward(const std::vector<std::pair<Tensor, Tensor>>&);

  Impl& impl() const;
  std::byte* raw() const;
  std::byte* raw(DType expected) const;
  template <class T>
  void write(std::span<const T> values);

  std::shared_ptr<Impl> impl_;
};

struct Tensor::Impl {
  std::shared_ptr<Storage> storage;
  Shape shape;
  DType dtype = DType::kF32;
  bool requires_grad = false;
  Tensor grad;
  bool grad_written = false;
  std::shared_ptr<Node> node;  ///< what made it, if that is on the tape
};

}  // namespace frost
