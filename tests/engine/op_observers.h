#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "engine/observe/op_observer.h"

namespace frost {

/// Lists what the ops of this thread make, as `OpOutput::description` says it; empty tensors are
/// left out.
class OpLog final : public OpObserver {
 public:
  void observe(const OpOutput& made) override {
    if (made.tensor.numel() > 0) seen.push_back(made.description());
  }
  /// How many of them begin so.
  auto count(const std::string& start) const {
    return std::count_if(seen.begin(), seen.end(),
                         [&](const std::string& text) { return text.starts_with(start); });
  }

  std::vector<std::string> seen;
};

/// Puts a NaN into the last element of what an `OpLog` would list at place `at`, until it goes.
class Spoiler final : public OpObserver {
 public:
  explicit Spoiler(std::size_t at) : at_(at) {}
  ~Spoiler() override {
    if (spoiled_) spoiled_->copy_from_host(was_);
  }
  void observe(const OpOutput& made) override {
    if (made.tensor.numel() == 0 || at_-- != 0) return;
    spoiled_ = made.tensor;
    was_ = made.tensor.to_host();
    std::vector<float> values = was_;
    values.back() = NAN;
    spoiled_->copy_from_host(values);
  }

 private:
  std::size_t at_;
  std::optional<Tensor> spoiled_;
  std::vector<float> was_;
};

}  // namespace frost
