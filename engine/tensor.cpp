#include "engine/tensor.h"

#include "engine/autograd.h"
#include "engine/launch.h"
#include "kernels/errors.h"

namespace frost {

std::int64_t numel(const Shape& shape) {
  std::int64_t n = 1;
  for (const std::int64_t d : shape) n *= d;
  return n;
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

Tensor Tensor::empty(Backend& backend, Shape shape, MemoryTag tag, DType dtype) {
  Tensor t;
  t.impl_ = std::make_shared<Impl>();
  t.impl_->shape = std::move(shape);
  t.impl_->dtype = dtype;
  t.impl_->storage = std::make_shared<Storage>(backend, t.bytes(), tag);
  return t;
}

Tensor Tensor::zeros(Backend& backend, Shape shape, MemoryTag tag) {
  const Tensor t = empty(backend, std::move(shape), tag);
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
  const Tensor t = empty(backend, {static_cast<std::int64_t>(values.size())}, tag, DType::kI32);
  backend.copy_from_host(t.raw(), values.data(), values.size_bytes());
  return t;
}

Tensor Tensor::from_host(Backend& backend, std::span<const std::uint8_t> values, MemoryTag tag) {
  const Tensor t = empty(backend, {static_cast<std::int64_t>(values.size())}, tag, DType::kU8);
  backend.copy_from_host(t.raw(), values.data(), values.size_bytes());
  return t;
}

const Shape& Tensor::shape() const {
  return impl_->shape;
}
DType Tensor::dtype() const {
  return impl_->dtype;
}
Backend& Tensor::backend() const {
  return impl_->storage->backend();
}
Storage& Tensor::storage() const {
  return *impl_->storage;
}
std::byte* Tensor::raw() const {
  return impl_->storage->data();
}

WeightView Tensor::weight_view() const {
  return {data(), impl_->storage->id(), impl_->storage->version()};
}

std::vector<float> Tensor::to_host() const {
  std::vector<float> values(static_cast<std::size_t>(numel()));
  launch("copy_to_host", [&] { backend().copy_to_host(values.data(), raw(), bytes()); });
  return values;
}

void Tensor::copy_from_host(std::span<const float> values) {
  if (static_cast<std::int64_t>(values.size()) != numel()) {
    fail("tensor",
         "cannot copy " + std::to_string(values.size()) + " values into " + to_string(shape()));
  }
  backend().copy_from_host(raw(), values.data(), values.size_bytes());
  impl_->storage->bump_version();
}

void Tensor::copy_from(const Tensor& source) {
  if (source.shape() != shape() || source.dtype() != dtype()) {
    fail("tensor", "cannot copy " + to_string(source.shape()) + " into " + to_string(shape()));
  }
  launch("copy", [&] { backend().copy(raw(), source.raw(), bytes()); });
  impl_->storage->bump_version();
}

Tensor Tensor::reshape(Shape shape) const {
  if (frost::numel(shape) != numel()) {
    fail("reshape", to_string(this->shape()) + " cannot become " + to_string(shape));
  }
  if (impl_->requires_grad) fail("reshape", "a trainable leaf has one shape; reshape a copy of it");
  Tensor t = detach();
  t.impl_->shape = std::move(shape);
  // Gradients are flat buffers held by the node, so the view shares the node as it is.
  t.impl_->node = impl_->node;
  return t;
}

Tensor Tensor::detach() const {
  Tensor t;
  t.impl_ = std::make_shared<Impl>();
  t.impl_->storage = impl_->storage;
  t.impl_->shape = impl_->shape;
  t.impl_->dtype = impl_->dtype;
  return t;
}

bool Tensor::requires_grad() const {
  return defined() && (impl_->requires_grad || impl_->node != nullptr);
}

void Tensor::set_requires_grad(bool on) {
  if (impl_->node != nullptr) fail("tensor", "only leaves can be marked trainable");
  impl_->requires_grad = on;
  if (!on) impl_->grad = Tensor();
  impl_->grad_written = false;
}

Tensor Tensor::grad() const {
  return impl_->grad_written ? impl_->grad : Tensor();
}

void Tensor::allocate_grad() {
  if (!impl_->grad.defined()) impl_->grad = empty(backend(), shape(), MemoryTag::kGradients);
}

void Tensor::zero_grad() {
  impl_->grad_written = false;
}

}  // namespace frost
