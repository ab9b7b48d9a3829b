#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/layers/unit_chain.h"

namespace frost {

/// The leading units of a chain in which nothing trains: a fixed function of the input, run without
/// a tape and once per input, because what it yields can be kept.
///
///     FrozenPrefix prefix({&body}, {224, 224, 3});
///     const Tensor features = prefix.run(images);         // once: [n, width]
///     const Tensor y = prefix.forward(features);          // every epoch: the units behind it
///
/// Several chains, the owners, of one form have one prefix, as deep as the shallowest of theirs. It
/// is run once for all of them while their tensors hold equal values; when they part, each has
/// features of its own. Chains of different forms each have a prefix of their own. What is frozen,
/// and every value, may change at any time: each call looks anew. For one thread.
class FrozenPrefix {
 public:
  /// Makes the [n, input...] floats that the first unit reads from what `run` is given.
  using Preprocessing = std::function<Tensor(const Tensor& raw)>;

  /// `owners` outlive the prefix and compute the same from equal tensors; `input` is the shape of
  /// one input. With `share` false every owner always has features of its own. Throws Error without
  /// an owner.
  FrozenPrefix(const std::vector<UnitChain*>& owners, Shape input, bool share = true);

  /// Without one, `run` takes the floats themselves.
  void set_preprocessing(Preprocessing preprocess);

  /// Depth of an owner's prefix; 0 where the first unit trains: features are then the inputs
  /// themselves.
  int units(std::size_t owner = 0);
  /// Whether one owner's features are those of all.
  bool shared();
  /// Changes with the depth, a value of the prefix, the preprocessing and the sharing; features
  /// must not be used under another id than they were made under. Ids of two objects say nothing
  /// about each other.
  std::uint64_t id();

  /// Floats that `run` yields of one input; those of the input itself where nothing is frozen.
  std::int64_t width();

  /// What all owners need of the inputs, [n, width]: their features side by side, or one owner's
  /// where `shared`. Bit for bit the same however the inputs are batched. Throws Error for inputs
  /// of another shape or that require a gradient.
  Tensor run(const Tensor& raw);
  /// What unit `units(owner)` of `owner` reads, [n, ...], from kept features. Throws Error where
  /// their width is not that of the prefix.
  Tensor input(const Tensor& features, std::size_t owner = 0);
  /// The same of every owner straight from the inputs, with nothing to keep; throws as `run`.
  std::vector<Tensor> inputs(const Tensor& raw);
  /// The units of `owner` behind the prefix, on the tape.
  Tensor forward(const Tensor& features, std::size_t owner = 0);

 private:
  /// A chain with the tensors of each of its units.
  struct Owner {
    UnitChain* chain;
    std::vector<std::vector<Tensor>> units;
    int depth = 0;  ///< of its prefix

    int frozen_units() const;
    bool has_form_of(const Owner& other) const;
    /// In what its prefix computes from; for owners of one form and depth.
    bool equals(const Owner& other) const;
  };

  void refresh();
  /// The depths as they are now; whether one has changed.
  bool find_depths();
  /// Always `Backend::fixed_batch` inputs at a time, the last chunk padded: a kernel may sum in
  /// another order on another batch size, and kept features must equal recomputed ones bit for bit.
  Tensor run_chunks(const Owner& owner, const Tensor& x) const;
  /// Shape of an owner's features.
  Shape map_shape(const Owner& owner) const { return owner.chain->unit_input(owner.depth, input_); }
  /// Columns in front of an owner's, or behind them all.
  std::int64_t column_of(std::size_t owner) const;

  std::vector<Owner> owners_;
  Shape input_;
  bool share_;
  Preprocessing preprocess_;
  bool one_form_ = true;
  bool shared_ = true;
  std::uint64_t id_ = 0;
  std::vector<std::uint64_t> versions_;  ///< of the tensors that the rest was determined from
};

}  // namespace frost
