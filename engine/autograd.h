#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "engine/tensor.h"

namespace frost {

/// Where the gradient of one op input goes: to the node that made it, or into a leaf, or nowhere.
/// It holds no values, so an input's memory is free to go unless the op saved it.
struct GradEdge {
  std::shared_ptr<Node> node;
  Tensor leaf;
};

/// Where the backward function of an op writes the gradients of its inputs.
class GradSlots {
 public:
  explicit GradSlots(std::vector<GradEdge>& inputs) : inputs_(inputs) {}

  /// The buffer for the gradient of input `i`, with its mode: ignored where nothing wants it,
  /// overwritten by the first contribution, accumulated by later ones. Ask once per input, and
  /// write the whole buffer.
  GradOut of(std::size_t i);

 private:
  std::vector<GradEdge>& inputs_;
};

/// Computes input gradients from the output's gradient `dy`, which it may overwrite.
using BackwardFunction = std::function<void(const Tensor& dy, GradSlots& gradients)>;

/// A tensor that a backward function reads, with its version when it was saved.
struct SavedTensor {
  Tensor tensor;
  std::uint64_t version;
};

/// One recorded op: what it read, how to go back, and the gradient of its output.
struct Node {
  const char* name;
  std::uint64_t sequence;
  std::vector<GradEdge> inputs;
  BackwardFunction backward;
  std::vector<SavedTensor> saved;
  Backend* backend;
  Shape shape;  ///< of the output, and so of `grad`
  Tensor grad;

  /// The gradient buffer of the output; `mode` tells the first writer from later ones.
  GradOut grad_slot();
  /// Throws Error where a saved tensor has changed since.
  void require_unchanged() const;

  ~Node();
};

/// The forward half of an op: decides what is recorded and what is kept.
///
///     Op op("gelu", {x});
///     Tensor y = op.output(x.shape());
///     launch("gelu_forward", [&] { ... });
///     const Tensor kept = op.save_for({0}, x);
///     return op.finish(y, [=](const Tensor& dy, GradSlots& g) { ... });
class Op {
 public:
  /// Undefined inputs are allowed: absent operands. Throws Error unless the others are float32.
  Op(const char* name, std::vector<Tensor> inputs);

  /// Whether the gradient of input `i` is wanted; false under NoGradGuard.
  bool wants(std::size_t i) const { return wanted_[i]; }
  bool wants_any() const;
  Backend& backend() const { return inputs_.front().backend(); }

  Tensor output(Shape shape, DType dtype = DType::kF32) const;
  /// Keeps `t` for the backward pass if one of the named input gradients is wanted, and books its
  /// memory as saved; else returns an undefined tensor. A pass after an in-place change of `t` is
  /// refused.
  Tensor save_for(std::initializer_list<std::size_t> gradients, const Tensor& t);
  /// Says that infinities in the result are meant; observers of ops are told.
  void may_be_infinite() { may_be_infinite_ = true; }
  /// Tells observers of `y` and attaches the node to it; records nothing where no gradient is
  /// wanted.
  Tensor finish(Tensor y, BackwardFunction backward);

 private:
  const char* name_;
  std::vector<Tensor> inputs_;
  std::vector<bool> wanted_;
  std::vector<SavedTensor> saved_;
  bool may_be_infinite_ = false;
};

/// Runs the tape back from (tensor, its gradient) pairs and releases what it visits.
///
/// Leaves accumulate into their gradient buffers. Throws Error if a pair's sizes differ, a tensor
/// has no history, an earlier pass has used up a part of it, or a tensor that an op saved was
/// changed in place since; no gradient has been touched then.
void backward(const std::vector<std::pair<Tensor, Tensor>>& roots);
/// The same from one loss, whose gradient is 1. Throws Error unless it is a single float.
void backward(const Tensor& loss);

/// While alive, ops of this thread record nothing.
class NoGradGuard {
 public:
  NoGradGuard();
  ~NoGradGuard();
  NoGradGuard(const NoGradGuard&) = delete;
  NoGradGuard& operator=(const NoGradGuard&) = delete;

 private:
  bool previous_;
};

}  // namespace frost
