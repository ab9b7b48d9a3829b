#include "tools/runs/logs/run_board.h"

#include <algorithm>
#include <charconv>

#include "tools/config/config_rules.h"
#include "tools/config/config_text.h"
#include "tools/images/image_encoders.h"

namespace frost {
namespace {

HyperParameter hyper_parameter(const std::string& name, const std::string& yaml) {
  if (yaml == "true" || yaml == "false") return {name, yaml == "true"};
  double number = 0;
  const char* end = yaml.data() + yaml.size();
  const auto [read, error] = std::from_chars(yaml.data(), end, number);
  if (error == std::errc() && read == end) return {name, number};
  return {name, yaml};
}

void add_picture(EventSummary& summary, const char* tag, const RgbImage& picture) {
  summary.add_picture(tag, encode_png(picture), picture.width, picture.height);
}

/// The newest frame of a picture that a policy is given; grey where it has one channel.
RgbImage newest_frame(const PictureObservation& observation, const PictureSpec& picture) {
  RgbImage image{picture.width, picture.height, {}};
  const auto pixels = static_cast<std::size_t>(picture.width * picture.height);
  const auto channels = static_cast<std::size_t>(picture.channels);
  const std::uint8_t* newest =
      observation.pixels.data() + observation.pixels.size() - pixels * channels;
  for (std::size_t i = 0; i < pixels; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      image.pixels.push_back(newest[i * channels + std::min(c, channels - 1)]);
    }
  }
  return image;
}

void add_histograms(EventSummary& summary, Trainer& trainer) {
  for (const NamedTensor& parameter : trainer.network().parameters()) {
    if (!parameter.tensor.requires_grad()) continue;
    summary.add_histogram("weights/" + parameter.name, parameter.tensor.to_host());
    const Tensor gradient = parameter.tensor.grad();
    if (!gradient.defined()) continue;
    summary.add_histogram("gradients/" + parameter.name, gradient.to_host());
  }
  summary.add_histogram("policy/log_probability", trainer.ppo().log_probabilities());
}

}  // namespace

void write_beginning(TensorboardWriter& board, const Trainer& trainer) {
  Config config = trainer.config();
  EventSummary summary;
  summary.add_text("config", "```yaml\n" + to_yaml(config) + "\n```");
  std::vector<HyperParameter> parameters;
  for (const ConfigKey* key : effective_keys(config)) {
    parameters.push_back(hyper_parameter(key->path, key->get(config)));
  }
  std::vector<std::string> metrics = {"charts/episodic_return"};
  if (config.run.eval_every > 0) metrics.push_back("eval/return");
  if (trainer.has_goal()) metrics.push_back("charts/success_rate");
  summary.add_hyper_parameters(parameters, metrics, wall_clock());
  board.add(0, summary);
}

void write_state(TensorboardWriter& board, Trainer& trainer) {
  EventSummary summary;
  add_histograms(summary, trainer);
  const Environment& first = trainer.environments().environment(0);
  if (first.spec().renders) {
    add_picture(summary, "pictures/environment", first.render({nullptr, "", 0}));
  }
  const Observation& shown = *trainer.environments().observations().front();
  if (const auto* picture = std::get_if<PictureObservation>(&shown)) {
    add_picture(
        summary, "pictures/network_input",
        newest_frame(*picture, std::get<PictureSpec>(trainer.environments().spec().observation)));
  }
  board.add(trainer.ppo().global_step(), summary);
}

void write_end(TensorboardWriter& board, Trainer& trainer) {
  EventSummary summary;
  summary.add_end(wall_clock());
  // Behind the last update's step, where it is taken back by a run that goes on from there.
  board.add(trainer.ppo().global_step() + 1, summary);
}

}  // namespace frost
