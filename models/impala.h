#pragma once

#include <deque>

#include "engine/layers/layers.h"

namespace frost {

/// The convolutions of IMPALA's large network (Espeholt et al. 2018), without its LSTM:
/// [n, height, width, channels] -> [n, 256], not negative.
///
/// Three sequences of 16, 32 and 32 channels, each a 3x3 convolution, a 3x3 max pooling of stride 2
/// and two blocks x + conv(relu(conv(relu(x)))); then ReLU, flattened in the order of the map,
/// Linear, ReLU.
class Impala : public Module {
 public:
  /// `image` is [height, width, channels].
  Impala(Backend& backend, const Shape& image);
  Tensor operator()(const Tensor& images);
  /// Orthogonal weights whose gains are the lengths of CleanRL's rows (ppg_procgen.py): 1 for the
  /// first convolution of a sequence, 6^(-1/4) in the blocks, 1.4 for the linear layer.
  void initialize(RandomStream& random);

  static constexpr std::int64_t kFeatures = 256;

 private:
  class Block : public Module {
   public:
    Block(Backend& backend, std::int64_t channels);
    Tensor operator()(const Tensor& x) { return second_(first_(relu(x), {}, true), x); }
    void initialize(RandomStream& random);

   private:
    Convolution first_, second_;
  };

  class Sequence : public Module {
   public:
    Sequence(Backend& backend, std::int64_t in, std::int64_t out);
    Tensor operator()(const Tensor& x) { return second_(first_(max_pool2d(conv_(x), 3, 2, 1))); }
    void initialize(RandomStream& random);

   private:
    Convolution conv_;
    Block first_, second_;
  };

  std::deque<Sequence> sequences_;
  Linear linear_;
};

}  // namespace frost
