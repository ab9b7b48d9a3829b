#pragma once

#include <string>
#include <vector>

#include "engine/layers/layers.h"
#include "engine/layers/unit_chain.h"
#include "engine/ops.h"
#include "engine/state_dict.h"
#include "models/resnet_spec.h"

namespace frost {

/// One convolution of a body on images of some size, as arithmetic sees it.
struct ConvWork {
  double multiplications;      ///< of one forward, padding counted as data
  bool trains;                 ///< weight, scale or shift
  bool needs_weight_gradient;  ///< weight or scale
};

/// torchvision's ResNet18, 34 or 50 (He et al. 2016) without its classifier: [n,h,w,c] ->
/// [n, `spec().features()`], or what its tap yields.
///
/// BatchNorm is always in inference form: stored statistics, trainable scale and shift. Weights
/// live as OHWI; names and state dicts are torchvision's. With `in_channels` 3, a one-channel input
/// is treated as if copied to all three (`repeat3`), without making the copies. Its units are those
/// of `ResNetSpec`.
class ResNet : public UnitChain {
 public:
  /// With `folding` false BatchNorm and ReLU are ops of their own and a single channel is really
  /// repeated, as in a plain library (`bench_freeze --plain`). Throws UsageError for a depth that
  /// is not in the table. What is behind the tap does not exist.
  ResNet(Backend& backend, int depth, std::int64_t in_channels, bool folding = true,
         ResNetTap tap = {});

  const ResNetSpec& spec() const { return spec_; }
  ResNetTap tap() const { return tap_; }
  /// Shape of what one image gives: [channels], or [height, width, channels] without pooling.
  Shape output(const Shape& image) const { return unit_input(units(), image); }

  using UnitChain::forward;
  int units() const override { return last_block() + (tap_.pooled ? 1 : 0); }
  Tensor forward(const Tensor& x, int begin, int end) override;
  /// The map after `stage` 1..4, up to that of the tap.
  Tensor features(const Tensor& images, int stage) {
    return forward(images, 0, spec_.unit_of(stage + 1, 0));
  }
  std::vector<Tensor> unit_tensors(int unit) const override;
  Shape unit_input(int unit, const Shape& image) const override;
  /// The convolutions of one unit on images of this shape, [height, width, channels].
  std::vector<ConvWork> unit_work(int unit, const Shape& image) const;

  /// Kaiming-normal convolutions; BatchNorm as identity.
  void initialize(RandomStream& random);
  /// Takes the body's tensors from a torchvision state dict (OIHW, float). A three-channel conv1 is
  /// summed over its inputs where this body has one channel. Throws Error naming missing or
  /// misshapen tensors and non-finite values.
  void load(const StateDict& state);
  /// The body under torchvision's names and layouts.
  StateDict torchvision_state_dict() const;

 private:
  /// Behind the last unit that has convolutions.
  int last_block() const { return spec_.unit_of(tap_.stage + 1, 0); }

  /// The convolutions of one unit, as `ResNetSpec::convs`.
  struct Unit {
    std::vector<ConvBatchNorm> convs;
    bool projects = false;  ///< the last one is the shortcut's
  };

  ConvBatchNorm make_conv(Backend& backend, const ResNetConv& spec, std::int64_t in);
  Tensor block(const Tensor& x, Unit& unit);

  const ResNetSpec& spec_;
  ResNetTap tap_;
  bool fold_;
  std::vector<Unit> units_;
};

/// A ResNet with its classifier, for `infer`.
class ResNetClassifier : public Module {
 public:
  ResNetClassifier(Backend& backend, int depth, std::int64_t classes);

  Tensor logits(const Tensor& pooled) const { return fc(pooled); }
  /// Throws Error as `ResNet::load`; also where `fc` is absent or has another number of classes.
  void load(const StateDict& state);

  ResNet body;
  Linear fc;
};

}  // namespace frost
