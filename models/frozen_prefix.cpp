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

bool FrozenPrefix::Owner::has_form_of(const Owner& other) const {
  const auto same_shape = [](const Tensor& a, const Tensor& b) { return a.shape() == b.shape(); };
  return std::equal(units.begin(), units.end(), other.units.begin(), other.units.end(),
                    [&](const auto& a, const auto& b) {
                      return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_shape);
                    });
}

bool FrozenPrefix::Owner::equals(const Owner& other) const {
  const auto equal = [](const Tensor& a, const Tensor& b) { return a.to_host() == b.to_host(); };
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
  one_form_ = std::all_of(owners_.begin(), owners_.end(),
                          [&](const Owner& o) { return o.has_form_of(owners_.front()); });
}

void FrozenPrefix::set_preprocessing(Preprocessing preprocess) {
  preprocess_ = std::move(preprocess);
  ++id_;
}

bool FrozenPrefix::find_depths() {
  std::vector<int> depths;
  for (const Owner& owner : owners_) depths.push_back(owner.frozen_units());
  if (one_form_)
    std::fill(depths.begin(), depths.end(), *std::min_element(depths.begin(), depths.end()));
  bool changed = false;
  for (std::size_t o = 0; o < owners_.size(); ++o) {
    changed = changed || owners_[o].depth != depths[o];
    owners_[o].depth = depths[o];
  }
  return changed;
}

void FrozenPrefix::refresh() {
  const bool deeper_or_shallower = find_depths();
  std::vector<std::uint64_t> versions;
  for (const Owner& owner : owners_) {
    for (int u = 0; u < owner.depth; ++u) {
      for (const Tensor& t : owner.units[static_cast<std::size_t>(u)]) {
        versions.push_back(t.storage().version());
      }
    }
  }
  if (!deeper_or_shallower && versions == versions_) return;
  const auto is_empty = [](const Owner& o) { return o.depth == 0; };
  const auto as_first = [&](const Owner& o) { return o.equals(owners_.front()); };
  // Without a unit the features are the inputs, which are the same for all.
  shared_ = owners_.size() == 1 || std::all_of(owners_.begin(), owners_.end(), is_empty) ||
            (share_ && one_form_ && std::all_of(owners_.begin() + 1, owners_.end(), as_first));
  versions_ = std::move(versions);
  ++id_;
}

int FrozenPrefix::units(std::size_t owner) {
  refresh();
  return owners_.at(owner).depth;
}

bool FrozenPrefix::shared() {
  refresh();
  return shared_;
}

std::int64_t FrozenPrefix::column_of(std::size_t owner) const {
  std::int64_t columns = 0;
  for (std::size_t o = 0; o < owner; ++o) columns += numel(map_shape(owners_[o]));
  return columns;
}

std::int64_t FrozenPrefix::width() {
  refresh();
  return column_of(shared_ ? 1 : owners_.size());
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
    parts.push_back(narrow_rows(as_rows(owner.chain->forward(chunk, 0, owner.depth)), 0, count));
  }
  return concat_rows(parts).reshape(with_batch(x.dim(0), map_shape(owner)));
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
    maps.push_back(owner.depth == 0 ? x : known ? maps.front() : run_chunks(owner, x));
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
  const std::int64_t columns = width();
  if (features.shape() != Shape{features.dim(0), columns}) {
    fail("frozen_prefix", "features are " + to_string(features.shape()) + " and must have " +
                              std::to_string(columns) +
                              " columns: were they kept under another id?");
  }
  const Shape map = map_shape(owners_.at(owner));
  const Tensor rows =
      numel(map) == columns ? features : narrow_cols(features, column_of(owner), numel(map));
  return rows.reshape(with_batch(rows.dim(0), map));
}

Tensor FrozenPrefix::forward(const Tensor& features, std::size_t owner) {
  const Tensor x = input(features, owner);
  return owners_.at(owner).chain->forward(x, owners_[owner].depth);
}

}  // namespace frost
