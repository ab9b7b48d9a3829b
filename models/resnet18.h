#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/layers/layers.h"
#include "engine/layers/unit_chain.h"
#include "engine/ops.h"
#include "engine/state_dict.h"

namespace frost {

/// conv3x3-bn-relu-conv3x3-bn, plus the input or its 1x1 stride-2 projection, then ReLU.
struct BasicBlock {
  ConvBatchNorm conv1, conv2, downsample;
  bool projects = false;

  Tensor operator()(const Tensor& x, bool fold);
};

/// One convolution of a body on images of some size, as arithmetic sees it.
struct ConvWork {
  double multiplications;      ///< of one forward, padding counted as data
  bool trains;                 ///< weight, scale or shift
  bool needs_weight_gradient;  ///< weight or scale
};

/// torchvision's ResNet18 (He et al. 2016) without its classifier: [n,h,w,c] -> [n,512].
///
/// BatchNorm is always in inference form: stored statistics, trainable scale and shift. Weights
/// live as OHWI; names and state dicts are torchvision's. With `in_channels` 3, a one-channel input
/// is treated as if copied to all three (`repeat3`), without making the copies. Its units: 0 the
/// stem with its max pooling, 1 .. 8 the basic blocks, 9 the average pooling.
class ResNet18 : public UnitChain {
 public:
  /// With `folding` false BatchNorm and ReLU are ops of their own and a single channel is really
  /// repeated, as in a plain library (`bench_freeze --plain`).
  ResNet18(Backend& backend, std::int64_t in_channels, bool folding = true);

  static constexpr int kUnits = 10;

  using UnitChain::forward;
  int units() const override { return kUnits; }
  Tensor forward(const Tensor& x, int begin, int end) override;
  /// The map after `stage` 1..4.
  Tensor features(const Tensor& images, int stage) { return forward(images, 0, 1 + 2 * stage); }
  std::vector<Tensor> unit_tensors(int unit) const override;
  Shape unit_input(int unit, const Shape& image) const override;
  /// The convolutions of one unit on one-channel images of this side.
  std::vector<ConvWork> unit_work(int unit, std::int64_t side) const;

  /// Kaiming-normal convolutions; BatchNorm as identity.
  void initialize(RandomStream& random);
  /// Takes the body's tensors from a torchvision state dict (OIHW, float). A three-channel conv1 is
  /// summed over its inputs where this body has one channel. Throws Error naming missing or
  /// misshapen tensors and non-finite values.
  void load(const StateDict& state);
  /// The body under torchvision's names and layouts.
  StateDict torchvision_state_dict() const;

  static constexpr std::int64_t kFeatures = 512;

 private:
  ConvBatchNorm make_conv(Backend& backend, const std::string& conv, const std::string& bn,
                          std::int64_t in, std::int64_t out, std::int64_t kernel,
                          std::int64_t stride);

  std::vector<const ConvBatchNorm*> unit_convs(int unit) const;

  bool fold_;
  ConvBatchNorm stem_;
  std::array<std::array<BasicBlock, 2>, 4> stages_;
};

/// ResNet18 with the 1000-way classifier, for `infer`.
class ResNet18Classifier : public Module {
 public:
  explicit ResNet18Classifier(Backend& backend);

  Tensor logits(const Tensor& pooled) const { return fc(pooled); }
  /// Throws Error as `ResNet18::load`; also where `fc` is absent.
  void load(const StateDict& state);

  ResNet18 body;
  Linear fc;
};

/// [n,c,h,w] <-> [n,h,w,c] on the host; weights OIHW <-> OHWI alike.
std::vector<float> nchw_to_nhwc(const std::vector<float>& values, const Shape& nchw);
std::vector<float> nhwc_to_nchw(const std::vector<float>& values, const Shape& nhwc);

}  // namespace frost
