#include "engine/tensor.h"

#include <limits>

#include "engine/autograd.h"
#include "engine/host_dtype.h"
#include "engine/launch.h"
#include "kernels/errors.h"

namespace frost {

std::int64_t numel(const Shape& shape) {
  const auto product = checked_product(shape);
  if (!product)
    fail("tensor", to_string(shape) +
                       " is no shape: sizes are at least 0, in all "
                       "at most 2^63 - 1");
  return *product;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ",") + std::to_string(shape[i]);
  }
  return text + "]";
}

std::size_t size_of(DType dtype) {
  return dtype == DType::kU8 ? 1 : 4;
}

const char* to_string(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "float32";
    case DType::kI32:
      return "int32";
    case DType::kU8:
      return "uint8";
    case DType::kU32:
      return "uint32";
  }
  return "?";
}

Tensor Tensor::empty(Backend& backend, Shape shape, MemoryTag tag, DType dtype) {
  constexpr auto kMostBytes = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  const auto elements = static_cast<std::size_t>(frost::numel(shape));
  if (elements > kMostBytes / size_of(dtype)) {
    fail("tensor", to_string(shape) + " takes more than 2^63 - 1 bytes");
  }
  Tensor t;
  t.impl_ = std::make_shared<Impl>();
  t.impl_->shape = std::move(shape);
  t.impl_->dtype = dtype;
  t.impl_->storage = std::make_shared<Storage>(backend, elements * size_of(dtype), tag);
  return t;
}

Tensor Tensor::zeros(Backend& backend, Shape shape, MemoryTag tag) {
  Tensor t = empty(backend, std::move(shape), tag);
  launch("zeros", [&] { backend.fill_zero(t.raw(), t.bytes()); });
  return t;
}

Tensor Tensor::from_host(Backend& backend, Shape shape, std::span<const float> values,
                         MemoryTag tag) {
  Tensor t = empty(backend, std::move(shape), tag);
  t.copy_from_host(values);
  return t;
}

Tensor Tensor::from_host(Backend& backend, std::span<const std::int32_t> values, MemoryTag tag) {
  Tensor t = empty(backend, {static_cast<std::int64_t>(values.size())}, tag, DType::kI32);
  t.copy_from_host(values);
  return t;
}

Tensor Tensor::from_host(Backend& backend, std::span<const std::uint8_t> values, MemoryTag tag) {
  Tensor t = empty(backend, {static_cast<std::int64_t>(values.size())}, tag, DType::kU8);
  t.copy_from_host(values);
  return t;
}

Tensor::Impl& Tensor::impl() const {
  if (impl_ == nullptr) fail("tensor", "an undefined tensor was used: it has no shape and no data");
  return *impl_;
}
const Shape& Tensor::shape() const {
  return impl().shape;
}
std::int64_t Tensor::dim(std::size_t i) const {
  const Shape& sizes = shape();
  if (i >= sizes.size()) {
    fail("tensor", to_string(sizes) + " has no dimension " + std::to_string(i));
  }
  return sizes[i];
}
DType Tensor::dtype() const {
  return impl().dtype;
}
Backend& Tensor::backend() const {
  return storage().backend();
}
Storage& Tensor::storage() const {
  return *impl().storage;
}
std::byte* Tensor::raw() const {
  return storage().data();
}
std::byte* Tensor::raw(DType expected) const {
  const Impl& own = impl();
  if (own.dtype != expected) {
    fail("tensor",
         to_string(own.shape) + " holds " + to_string(own.dtype) + ", not " + to_string(expected));
  }
  return own.storage->data();
}

WeightView Tensor::weight_view() const {
  storage().mark_as_weight();
  return {data(), storage().id(), storage().version()};
}

template <class T>
std::vector<T> Tensor::to_host() const {
  const std::byte* from = raw(dtype_of<T>());
  std::vector<T> values(static_cast<std::size_t>(numel()));
  launch("copy_to_host", [&] { backend().copy_to_host(values.data(), from, bytes()); });
  return values;
}
template std::vector<float> Tensor::to_host() const;
template std::vector<std::int32_t> Tensor::to_host() const;
template std::vector<std::uint8_t> Tensor::to_host() const;
template std::vector<std::uint32_t> Tensor::to_host() const;

template <class T>
void Tensor::write(std::span<const T> values) {
  std::byte* to = raw(dtype_of<T>());
  if (static_cast<std::int64_t>(values.size()) != numel()) {
    fail("tensor",
         "cannot copy " + std::to_string(values.size()) + " values into " + to_string(shape()));
  }
  backend().copy_from_host(to, values.data(), values.size_bytes());
  storage().bump_version();
}

void Tensor::copy_from_host(std::span<const float> values) {
  write(values);
}
void Tensor::copy_from_host(std::span<const std::int32_t> values) {
  write(values);
}
void Tensor::copy_from_host(std::span<const std::uint8_t> values) {
  write(values);
}

void Tensor::copy_from(const Tensor& source) {
  if (source.shape() != shape() || source.dtype() != dtype()) {
    fail("tensor", "cannot copy " + to_string(source.shape()) + " of " + to_string(source.dtype()) +
                       " into " + to_string(shape()) + " of " + to_string(dtype()));
  }
  launch("copy", [&] { backend().copy(raw(), source.raw(), bytes()); });
  impl_->storage->bump_version();
}

Tensor Tensor::reshape(Shape shape) const {
  if (frost::numel(shape) != numel()) {
    fail("reshape", to_string(this->shape()) + " cannot become " + to_string(shape));
  }
  if (impl().requires_grad) fail("reshape", "a trainable leaf has one shape; reshape a copy of it");
  Tensor t = detach();
  t.impl_->shape = std::move(shape);
  // Gradients are flat buffers held by the node, so the view shares the node as it is.
  t.impl_->node = impl_->node;
  return t;
}

Tensor Tensor::detach() const {
  Tensor t;
  t.impl_ = std::make_shared<Impl>();
  t.impl_->storage = impl().storage;
  t.impl_->shape = impl_->shape;
  t.impl_->dtype = impl_->dtype;
  return t;
}

bool Tensor::requires_grad() const {
  return defined() && (impl_->requires_grad || impl_->node != nullptr);
}

void Tensor::set_requires_grad(bool on) {
  if (impl().node != nullptr) fail("tensor", "only leaves can be marked trainable");
  impl_->requires_grad = on;
  if (!on) impl_->grad = Tensor();
  impl_->grad_written = false;
}

Tensor Tensor::grad() const {
  return impl().grad_written ? impl_->grad : Tensor();
}

void Tensor::allocate_grad() {
  if (!impl().grad.defined()) impl_->grad = empty(backend(), shape(), MemoryTag::kGradients);
}

void Tensor::zero_grad() {
  impl().grad_written = false;
}

void Tensor::set_grad(std::span<const float> values) {
  if (!impl().requires_grad) fail("set_grad", "the tensor is no leaf that trains");
  allocate_grad();
  impl_->grad.copy_from_host(values);
  impl_->grad_written = true;
}

}  // namespace frost
