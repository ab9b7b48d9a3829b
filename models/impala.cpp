#include "models/impala.h"

#include <array>
#include <cmath>
#include <string>

namespace frost {
namespace {

constexpr std::array<std::int64_t, 3> kChannels = {16, 32, 32};

/// Numbers of the map that the last sequence yields.
std::int64_t map_size(const Shape& image) {
  std::int64_t height = image.at(0), width = image.at(1);
  for (std::size_t i = 0; i < kChannels.size(); ++i) {
    height = (height + 1) / 2;
    width = (width + 1) / 2;
  }
  return height * width * kChannels.back();
}

}  // namespace

Impala::Block::Block(Backend& backend, std::int64_t channels)
    : first_(backend, channels, channels), second_(backend, channels, channels) {
  register_module("conv0", first_);
  register_module("conv1", second_);
}

void Impala::Block::initialize(RandomStream& random) {
  // Six blocks add to what enters them.
  const double gain = std::pow(6.0, -0.25);
  first_.initialize(gain, random);
  second_.initialize(gain, random);
}

Impala::Sequence::Sequence(Backend& backend, std::int64_t in, std::int64_t out)
    : conv_(backend, in, out), first_(backend, out), second_(backend, out) {
  register_module("conv", conv_);
  register_module("block0", first_);
  register_module("block1", second_);
}

void Impala::Sequence::initialize(RandomStream& random) {
  conv_.initialize(1.0, random);
  first_.initialize(random);
  second_.initialize(random);
}

Impala::Impala(Backend& backend, const Shape& image)
    : linear_(backend, map_size(image), kFeatures) {
  std::int64_t in = image.at(2);
  for (const std::int64_t out : kChannels) {
    sequences_.emplace_back(backend, in, out);
    register_module("sequence" + std::to_string(sequences_.size() - 1), sequences_.back());
    in = out;
  }
  register_module("linear", linear_);
}

Tensor Impala::operator()(const Tensor& images) {
  Tensor x = images;
  for (Sequence& sequence : sequences_) x = sequence(x);
  x = relu(x);
  return relu(linear_(x.reshape({x.dim(0), linear_.weight.dim(1)})));
}

void Impala::initialize(RandomStream& random) {
  for (Sequence& sequence : sequences_) sequence.initialize(random);
  initialize_orthogonal(linear_, 1.4, random);
}

}  // namespace frost
