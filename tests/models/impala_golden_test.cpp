#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "kernels/errors.h"
#include "models/policies/impala_actor_critic.h"
#include "tests/golden/closed_form.h"
#include "tests/models/golden_gradients.h"

// The network from scratch against PyTorch's (tests/golden/README.md), and how it starts.
namespace frost {
namespace {

constexpr double kTolerance = 1e-5;

ActorCriticConfig golden_config() {
  ActorCriticConfig config;
  config.observation = ObservationKind::kImage;
  config.body = "impala";
  config.picture = {.height = 25, .width = 18, .channels = 3, .frames = 2, .values = 2};
  config.choices = 3;
  config.continuous_dims = config.continuous_heads = 2;
  config.value_components = 2;
  return config;
}

/// Convolutions in the engine's layout.
void fill_closed_form(PolicyNetwork& network) {
  for (NamedTensor& p : network.parameters()) {
    const Shape& s = p.tensor.shape();
    const Shape stored = s.size() == 4 ? Shape{s[0], s[3], s[1], s[2]} : s;
    const std::vector<float> values = closed_form_tensor(p.name, stored).to_floats(p.name);
    p.tensor.copy_from_host(s.size() == 4 ? nchw_to_nhwc(values, stored) : values);
  }
}

std::vector<Observation> golden_states(const PictureInput& input, std::size_t count) {
  const auto bytes =
      static_cast<std::size_t>(input.frames * input.height * input.width * input.channels);
  const auto beside = static_cast<std::size_t>(input.values);
  const std::vector<float> pixels = closed_form_values("pixels", count * bytes, 127.0, 128.0);
  const std::vector<float> values = closed_form_values("beside", count * beside, 1.0);
  std::vector<Observation> states;
  for (std::size_t i = 0; i < count; ++i) {
    PictureObservation state;
    for (std::size_t p = 0; p < bytes; ++p) {
      state.pixels.push_back(static_cast<std::uint8_t>(pixels[i * bytes + p]));
    }
    for (std::size_t v = 0; v < beside; ++v) state.values.push_back(values[i * beside + v]);
    states.emplace_back(std::move(state));
  }
  return states;
}

TEST(ImpalaGolden, OutputsLossAndAllGradientsMatchPyTorch) {
  const ActorCriticConfig config = golden_config();
  const Golden golden("impala.safetensors", 256);
  const std::vector<Observation> states = golden_states(config.picture, 3);
  for (Backend* backend : test_backends()) {
    SCOPED_TRACE(backend->description());
    ImpalaActorCritic network(*backend, config);
    fill_closed_form(network);
    const StateBatch batch = network.make_batch({&states[0], &states[1], &states[2]});
    const PolicyOutput out = network.forward(batch);
    EXPECT_EQ(network.values(batch).to_host(), out.values.to_host());
    std::vector<std::pair<Tensor, Tensor>> seeds;
    double loss = 0;
    for (const auto& [name, output] : {std::pair<std::string, Tensor>{"logits", out.logits},
                                       {"gaussian", out.gaussian},
                                       {"values", out.values}}) {
      const std::vector<float> values = output.to_host();
      EXPECT_LE(relative_error(values, golden.at(name)), kTolerance) << name;
      const auto cotangent = closed_form_values("cotangent." + name, values.size(), 1.0);
      for (std::size_t i = 0; i < values.size(); ++i) loss += double{values[i]} * cotangent[i];
      seeds.emplace_back(output, Tensor::from_host(*backend, output.shape(), cotangent));
    }
    const double expected = golden.at("loss").front();
    EXPECT_NEAR(loss, expected, kTolerance * std::abs(expected));
    backward(seeds);
    EXPECT_EQ(network.parameters().size(), 3u * 5 * 2 + 2 + 4 * 2);
    for (const NamedTensor& p : network.parameters()) {
      ASSERT_TRUE(p.tensor.grad().defined()) << p.name;
      golden.expect_gradient(in_torch_layout(p.tensor.grad()), "grad." + p.name, kTolerance);
    }
  }
}

TEST(Impala, StartsWithOrthogonalRowsOfThePromisedLengths) {
  ImpalaActorCritic network(cpu_backend(), golden_config());
  RandomStream random(7, StreamPurpose::kInit);
  network.initialize(random, false);
  for (const NamedTensor& p : network.parameters()) {
    const std::vector<float> values = p.tensor.to_host();
    if (p.tensor.shape().size() == 1) {
      for (const float v : values) EXPECT_EQ(v, 0.0f) << p.name;
      continue;
    }
    const auto rows = static_cast<std::size_t>(p.tensor.dim(0)), cols = values.size() / rows;
    const double length = p.name.find(".block") != std::string::npos        ? std::pow(6.0, -0.25)
                          : p.name.ends_with(".conv.weight")                ? 1.0
                          : p.name == "body.linear.weight"                  ? 1.4
                          : p.name.starts_with("critic.value_heads.weight") ? 1.0
                                                                            : 0.01;
    const auto product = [&](std::size_t a, std::size_t b) {
      double sum = 0;
      for (std::size_t c = 0; c < cols; ++c) {
        sum += double{values[a * cols + c]} * values[b * cols + c];
      }
      return sum;
    };
    if (rows <= cols) {
      EXPECT_NEAR(product(0, 0), length * length, 1e-5) << p.name;
      EXPECT_NEAR(product(0, rows - 1), 0, 1e-5) << p.name;
    }
  }
}

TEST(Impala, ScalesTheBytesAndSeesTheFramesAsChannels) {
  ActorCriticConfig config = golden_config();
  config.picture = {.height = 1, .width = 2, .channels = 3, .frames = 2};
  const ImpalaActorCritic network(cpu_backend(), config);
  const Observation state = PictureObservation{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {}};
  const StateBatch batch = network.make_batch({&state, &state});
  const std::vector<std::uint8_t> seen = batch.images.to_host<std::uint8_t>();
  const std::vector<std::uint8_t> one = {1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12};
  EXPECT_EQ(std::vector<std::uint8_t>(seen.begin(), seen.begin() + 12), one);
  EXPECT_EQ(std::vector<std::uint8_t>(seen.begin() + 12, seen.end()), one);
  const Observation small = PictureObservation{{1, 2}, {}}, vector = VectorObservation{{1}};
  EXPECT_THROW(network.make_batch({&small}), Error);
  EXPECT_THROW(network.make_batch({&vector}), Error);
}

}  // namespace
}  // namespace frost
