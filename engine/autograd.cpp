#include "engine/autograd.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <unordered_set>

#include "engine/launch.h"
#include "engine/observe/op_observer.h"
#include "kernels/errors.h"

namespace frost {
namespace {

thread_local bool recording = true;
thread_local std::uint64_t next_sequence = 0;

/// Tells observers of the gradients that a node's backward function has written.
void tell_gradients(const Node& node) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const GradEdge& edge = node.inputs[i];
    Tensor gradient = edge.node != nullptr ? edge.node->grad : Tensor();
    if (edge.leaf.defined()) gradient = edge.leaf.grad();
    if (gradient.defined()) {
      OpObserver::tell({node.name, OpOutput::Phase::kBackward, gradient, i});
    }
  }
}

}  // namespace

Node::~Node() {
  // A long chain of nodes must not be released by recursion: unlink it in a loop.
  std::vector<GradEdge> pending = std::move(inputs);
  while (!pending.empty()) {
    const std::shared_ptr<Node> node = std::move(pending.back().node);
    pending.pop_back();
    if (node == nullptr || node.use_count() > 1) continue;
    try {
      pending.insert(pending.end(), std::move_iterator(node->inputs.begin()),
                     std::move_iterator(node->inputs.end()));
      node->inputs.clear();
    } catch (const std::bad_alloc&) {
      // No memory for the list: then this node's destructor goes on, and nothing is thrown.
    }
  }
}

GradOut Node::grad_slot() {
  const bool first = !grad.defined();
  if (first) grad = Tensor::empty(*backend, shape);
  return {grad.data(), first ? GradMode::kOverwrite : GradMode::kAccumulate};
}

GradOut GradSlots::of(std::size_t i) {
  const GradEdge& edge = inputs_[i];
  if (edge.node != nullptr) return edge.node->grad_slot();
  if (!edge.leaf.defined()) return {};
  Tensor leaf = edge.leaf;
  leaf.allocate_grad();
  const bool first = !std::exchange(leaf.impl_->grad_written, true);
  return {leaf.impl_->grad.data(), first ? GradMode::kOverwrite : GradMode::kAccumulate};
}

void Node::require_unchanged() const {
  for (const SavedTensor& s : saved) {
    if (s.tensor.storage().version() == s.version) continue;
    fail(name, "backward needs a tensor " + to_string(s.tensor.shape()) +
                   " that has been modified in place since the forward pass; run backward before "
                   "the change, or forward again");
  }
}

Op::Op(const char* name, std::vector<Tensor> inputs) : name_(name), inputs_(std::move(inputs)) {
  for (const Tensor& t : inputs_) {
    if (t.defined() && t.dtype() != DType::kF32) {
      fail(name_, "an input " + to_string(t.shape()) + " holds " + to_string(t.dtype()) +
                      ", expected float32");
    }
  }
  wanted_.reserve(inputs_.size());
  for (const Tensor& t : inputs_) wanted_.push_back(recording && t.requires_grad());
}

bool Op::wants_any() const {
  return std::find(wanted_.begin(), wanted_.end(), true) != wanted_.end();
}

Tensor Op::output(Shape shape, DType dtype) const {
  return Tensor::empty(backend(), std::move(shape), MemoryTag::kWorkspace, dtype);
}

Tensor Op::save_for(std::initializer_list<std::size_t> gradients, const Tensor& t) {
  const bool needed =
      std::any_of(gradients.begin(), gradients.end(), [&](std::size_t i) { return wanted_[i]; });
  if (!needed) return {};
  if (t.storage().tag() == MemoryTag::kWorkspace) t.storage().retag(MemoryTag::kSaved);
  Tensor kept = t.detach();
  saved_.push_back({kept, t.storage().version()});
  return kept;
}

Tensor Op::finish(Tensor y, BackwardFunction backward) {
  if (OpObserver::any()) {
    OpObserver::tell({name_, OpOutput::Phase::kForward, y, 0, {}, may_be_infinite_});
  }
  if (!wants_any()) return y;
  auto node = std::make_shared<Node>();
  node->name = name_;
  node->sequence = next_sequence++;
  node->backend = &y.backend();
  node->shape = y.shape();
  node->backward = std::move(backward);
  node->saved = std::move(saved_);
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    GradEdge edge;
    if (wanted_[i]) {
      edge.node = inputs_[i].impl_->node;
      if (edge.node == nullptr) edge.leaf = inputs_[i];
    }
    node->inputs.push_back(std::move(edge));
  }
  y.impl_->node = std::move(node);
  return y;
}

void backward(const std::vector<std::pair<Tensor, Tensor>>& roots) {
  std::vector<std::shared_ptr<Node>> tape;
  std::unordered_set<const Node*> seen;
  const auto visit = [&](const std::shared_ptr<Node>& node) {
    if (!seen.insert(node.get()).second) return;
    if (!node->backward) {
      // Going on would drop the gradient of everything below without a word.
      fail("backward", std::string("what '") + node->name +
                           "' saved is gone: an earlier pass used it; give all roots to one pass");
    }
    tape.push_back(node);
  };
  for (const auto& [root, cotangent] : roots) {
    if (!root.defined() || !cotangent.defined()) {
      fail("backward", "a pair of tensor and gradient holds an undefined tensor");
    }
    const std::shared_ptr<Node>& node = root.impl_->node;
    if (node == nullptr) fail("backward", "the tensor has no history to go back through");
    if (cotangent.numel() != root.numel()) {
      fail("backward", "gradient " + to_string(cotangent.shape()) + " does not fit tensor " +
                           to_string(root.shape()));
    }
    if (cotangent.dtype() != DType::kF32 || &cotangent.backend() != &root.backend()) {
      fail("backward", "a gradient is float32 on the device of its tensor");
    }
    visit(node);
  }
  for (std::size_t i = 0; i < tape.size(); ++i) {
    const std::shared_ptr<Node> node = tape[i];
    for (const GradEdge& edge : node->inputs) {
      if (edge.node != nullptr) visit(edge.node);
    }
  }
  for (const std::shared_ptr<Node>& node : tape) node->require_unchanged();
  for (const auto& [root, cotangent] : roots) {
    const GradOut slot = root.impl_->node->grad_slot();
    // Clang before 16 captures a structured binding only by name.
    launch("seed_gradient", [&root = root, &cotangent = cotangent, &slot] {
      root.backend().elementwise().axpy(root.numel(), 1.0f, cotangent.data(), slot);
    });
    if (OpObserver::any()) {
      OpObserver::tell({"seed_gradient", OpOutput::Phase::kBackward, root.impl_->node->grad});
    }
  }
  // Inputs are always made before outputs, so falling sequence is a topological order.
  std::sort(tape.begin(), tape.end(),
            [](const auto& a, const auto& b) { return a->sequence > b->sequence; });
  for (std::shared_ptr<Node>& node : tape) {
    if (node->grad.defined() && node->backward) {
      GradSlots slots(node->inputs);
      node->backward(node->grad, slots);
      if (OpObserver::any()) tell_gradients(*node);
    }
    // What was saved for this node goes now, not when the whole pass is over.
    node->grad = Tensor();
    node->backward = nullptr;
    node->saved.clear();
    node->inputs.clear();
    node.reset();
  }
}

void backward(const Tensor& loss) {
  if (!loss.defined() || loss.numel() != 1) {
    fail("backward", "a loss is a single number; give (tensor, gradient) pairs for others");
  }
  backward(
      {{loss,
        Tensor::from_host(loss.backend(), {1}, std::vector<float>{1.0f}).reshape(loss.shape())}});
}

NoGradGuard::NoGradGuard() : previous_(std::exchange(recording, false)) {}
NoGradGuard::~NoGradGuard() {
  recording = previous_;
}

}  // namespace frost
