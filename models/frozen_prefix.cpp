#include "models/frozen_prefix.h"

#include <algorithm>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "kernels/errors.h"

namespace frost {
namespace {

Tensor as_rows(const Tensor& map) {
  return map.reshape({map.dim(0), map.numel() / map.dim(0)});
}

Shape with_batch(std::int64_t n, Shape shape) {
  shape.insert(shape.begin(), n);
  return shape;
}

}  // namespace

int FrozenPrefix::Owner::frozen_units() const {
  const auto trains = [](const Tensor& t) { return t.requires_grad(); };
  const auto first = std::find_if(units.begin(), units.end(), [&](const auto& tensors) {
    return std::any_of(tensors.begin(), tensors.end(), trains);
  });
  return static_cast<int>(first - units.begin());
}

bool FrozenPrefix::Owner::equals(const Owner& other, int depth) const {
  const auto equal = [](const Tensor& a, const Tensor& b) {
    return a.shape() == b.shape() && a.to_host() == b.to_host();
  };
  return std::equal(units.begin(), units.begin() + depth, other.units.begin(),
                    [&](const auto& a, const auto& b) {
                      return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
                    });
}

FrozenPrefix::FrozenPrefix(const std::vector<UnitChain*>& owners, Shape input, bool share)
    : input_(std::move(input)), share_(share) {
  if (owners.empty()) fail("frozen_prefix", "it needs at least one chain of units");
  for (UnitChain* chain : owners) {
    Owner& owner = owners_.emplace_back(Owner{chain, {}});
    for (int u = 0; u < chain->units(); ++u) owner.units.push_back(chain->unit_tensors(u));
  }
}

void FrozenPrefix::set_preprocessing(Preprocessing preprocess) {
  preprocess_ = std::move(preprocess);
  ++id_;
}

void FrozenPrefix::refresh() {
  int depth = owners_.front().frozen_units();
  for (const Owner& owner : owners_) depth = std::min(depth, owner.frozen_units());
  std::vector<std::uint64_t> versions;
  for (const Owner& owner : owners_) {
    for (int u = 0; u < depth; ++u) {
      for (const Tensor& t : owner.units[static_cast<std::size_t>(u)]) {
        versions.push_back(t.storage().version());
      }
    }
  }
  if (depth == units_ && versions == versions_) return;
  const auto as_first = [&](const Owner& o) { return owners_.front().equals(o, depth); };
  // Without a unit the features are the inputs, which are the same for all.
  shared_ = depth == 0 || owners_.size() == 1 ||
            (share_ && std::all_of(owners_.begin() + 1, owners_.end(), as_first));
  units_ = depth;
  versions_ = std::move(versions);
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

std::int64_t FrozenPrefix::width() {
  refresh();
  return numel(map_shape()) * static_cast<std::int64_t>(shared_ ? 1 : owners_.size());
}

std::uint64_t FrozenPrefix::id() {
  refresh();
  return id_;
}

Tensor FrozenPrefix::run_chunks(const Owner& owner, const Tensor& x) const {
  const std::int64_t size = x.backend().fixed_batch();
  std::vector<Tensor> parts;
  for (std::int64_t begin = 0; begin < x.dim(0); begin += size) {
    const std::int64_t count = std::min(size, x.dim(0) - begin);
    const Tensor chunk = pad_rows(narrow_rows(x, begin, count), size);
    parts.push_back(narrow_rows(as_rows(owner.chain->forward(chunk, 0, units_)), 0, count));
  }
  return concat_rows(parts).reshape(with_batch(x.dim(0), map_shape()));
}

std::vector<Tensor> FrozenPrefix::inputs(const Tensor& raw) {
  refresh();
  if (raw.requires_grad()) {
    fail("frozen_prefix",
         "the inputs require a gradient, which a prefix does not pass: call the chain's forward");
  }
  const NoGradGuard no_grad;
  const Tensor x = preprocess_ ? preprocess_(raw) : raw;
  if (x.shape().empty() || x.dim(0) == 0 || x.shape() != with_batch(x.dim(0), input_)) {
    fail("frozen_prefix",
         "inputs are " + to_string(x.shape()) + " and must be n > 0 times " + to_string(input_));
  }
  std::vector<Tensor> maps;
  for (const Owner& owner : owners_) {
    const bool known = shared_ && !maps.empty();
    maps.push_back(units_ == 0 ? x : known ? maps.front() : run_chunks(owner, x));
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
  const std::int64_t width = numel(map_shape());
  const auto sides = static_cast<std::int64_t>(shared_ ? 1 : owners_.size());
  if (features.shape() != Shape{features.dim(0), sides * width}) {
    fail("frozen_prefix", "features are " + to_string(features.shape()) + " and must have " +
                              std::to_string(sides * width) +
                              " columns: were they kept under another id?");
  }
  const Tensor rows = sides == 1
                          ? features
                          : narrow_cols(features, static_cast<std::int64_t>(owner) * width, width);
  return rows.reshape(with_batch(rows.dim(0), map_shape()));
}

Tensor FrozenPrefix::forward(const Tensor& features, std::size_t owner) {
  const Tensor x = input(features, owner);
  return owners_.at(owner).chain->forward(x, units_);
}

}  // namespace frost
