#include "models/frozen_prefix.h"

#include <algorithm>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "kernels/errors.h"

namespace frost {
namespace {

bool equal_contents(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Tensor& x, const Tensor& y) {
    return x.shape() == y.shape() && x.to_host() == y.to_host();
  });
}

Tensor as_rows(const Tensor& map) {
  return map.reshape({map.dim(0), map.numel() / map.dim(0)});
}

Shape with_batch(std::int64_t n, Shape shape) {
  shape.insert(shape.begin(), n);
  return shape;
}

}  // namespace

FrozenPrefix::FrozenPrefix(std::vector<UnitChain*> owners, Shape input, bool share)
    : owners_(std::move(owners)), input_(std::move(input)), share_(share) {
  if (owners_.empty()) fail("frozen_prefix", "it needs at least one chain of units");
}

void FrozenPrefix::set_preprocessing(Preprocessing preprocess) {
  preprocess_ = std::move(preprocess);
  ++id_;
}

std::vector<Tensor> FrozenPrefix::tensors_of(const UnitChain& owner) const {
  std::vector<Tensor> tensors;
  for (int u = 0; u < units_; ++u) {
    for (const Tensor& t : owner.unit_tensors(u)) tensors.push_back(t);
  }
  return tensors;
}

void FrozenPrefix::refresh() {
  const int before = units_;
  units_ = owners_.front()->frozen_units();
  for (const UnitChain* owner : owners_) units_ = std::min(units_, owner->frozen_units());
  std::vector<std::vector<Tensor>> tensors;
  std::vector<Seen> seen;
  for (const UnitChain* owner : owners_) {
    tensors.push_back(tensors_of(*owner));
    for (const Tensor& t : tensors.back())
      seen.push_back({t.storage().id(), t.storage().version()});
  }
  if (units_ == before && seen == seen_) return;
  const auto as_first = [&](const std::vector<Tensor>& other) {
    return equal_contents(tensors.front(), other);
  };
  // Without a unit the features are the inputs, which are the same for all.
  shared_ = units_ == 0 || owners_.size() == 1 ||
            (share_ && std::all_of(tensors.begin() + 1, tensors.end(), as_first));
  seen_ = std::move(seen);
  ++id_;
}

int FrozenPrefix::units() {
  refresh();
  return units_;
}

bool FrozenPrefix::shared() {
  refresh();
  return shared_;
}

std::uint64_t FrozenPrefix::id() {
  refresh();
  return id_;
}

Tensor FrozenPrefix::run_chunks(UnitChain& owner, const Tensor& x) const {
  std::vector<Tensor> parts;
  for (std::int64_t begin = 0; begin < x.dim(0); begin += kChunk) {
    const std::int64_t count = std::min(kChunk, x.dim(0) - begin);
    const Tensor chunk = pad_rows(narrow_rows(x, begin, count), kChunk);
    parts.push_back(narrow_rows(as_rows(owner.forward(chunk, 0, units_)), 0, count));
  }
  return as_map(concat_rows(parts));
}

Tensor FrozenPrefix::as_map(const Tensor& rows) const {
  return rows.reshape(with_batch(rows.dim(0), owners_.front()->unit_input(units_, input_)));
}

std::vector<Tensor> FrozenPrefix::inputs(const Tensor& raw) {
  refresh();
  const NoGradGuard no_grad;
  const Tensor x = preprocess_ ? preprocess_(raw) : raw;
  if (x.shape().empty() || x.dim(0) == 0 || x.shape() != with_batch(x.dim(0), input_)) {
    fail("frozen_prefix",
         "inputs are " + to_string(x.shape()) + " and must be n > 0 times " + to_string(input_));
  }
  if (x.requires_grad()) {
    fail("frozen_prefix",
         "the inputs require a gradient, which a prefix does not pass: call the chain's forward");
  }
  std::vector<Tensor> maps;
  for (UnitChain* owner : owners_) {
    const bool known = shared_ && !maps.empty();
    maps.push_back(units_ == 0 ? x : known ? maps.front() : run_chunks(*owner, x));
  }
  return maps;
}

Tensor FrozenPrefix::run(const Tensor& raw) {
  const NoGradGuard no_grad;
  const std::vector<Tensor> maps = inputs(raw);
  Tensor features = as_rows(maps.front());
  if (shared_) return features;
  for (std::size_t o = 1; o < maps.size(); ++o) features = concat_cols(features, as_rows(maps[o]));
  return features;
}

Tensor FrozenPrefix::input(const Tensor& features, std::size_t owner) {
  refresh();
  const std::int64_t width = numel(owners_.front()->unit_input(units_, input_));
  const auto sides = static_cast<std::int64_t>(shared_ ? 1 : owners_.size());
  if (features.shape() != Shape{features.dim(0), sides * width}) {
    fail("frozen_prefix", "features are " + to_string(features.shape()) + " and must have " +
                              std::to_string(sides * width) +
                              " columns: were they kept under another id?");
  }
  if (sides == 1) return as_map(features);
  return as_map(narrow_cols(features, static_cast<std::int64_t>(owner) * width, width));
}

Tensor FrozenPrefix::forward(const Tensor& features, std::size_t owner) {
  const Tensor x = input(features, owner);
  return owners_.at(owner)->forward(x, units_);
}

}  // namespace frost
