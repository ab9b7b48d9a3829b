#include "tools/reports/parameter_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/launch.h"

namespace frost {
namespace {

std::string share_report(std::int64_t total, std::int64_t trainable) {
  const auto percent = [&](std::int64_t n) {
    return 100.0 * static_cast<double>(n) / static_cast<double>(total);
  };
  return fmt::format("parameters:    {} total, {} trainable ({:.2f} %), {} frozen ({:.2f} %)\n",
                     with_thousands(total), with_thousands(trainable), percent(trainable),
                     with_thousands(total - trainable), percent(total - trainable));
}

std::string group_report(const Adam& optimizer) {
  std::string text = "optimizer groups:\n";
  for (const ParamGroup& group : optimizer.groups()) {
    text += fmt::format("  {:<10} lr {:g}  {} parameters\n", group.name, group.lr,
                        with_thousands(group.count()));
  }
  return text;
}

std::string backbone_report(const BackboneNetwork& network, const Adam& optimizer) {
  const ParameterCounts c = count_parameters(network);
  const BackboneConfig& backbone = network.config().backbone;
  std::string text = fmt::format(
      "input adapter: {} ({})\n", backbone.input_adapter,
      backbone.input_adapter == "repeat3"
          ? "one channel copied to three; conv1 keeps its pretrained weights"
          : "conv1 starts as the sum of the pretrained weights over their input channels");
  text += fmt::format("freeze mode:   {} ({})\n", network.freeze_mode().name,
                      network.freeze_mode().explanation);
  text += share_report(c.total, c.trainable);
  text +=
      fmt::format("  actor:       body {} ({} trainable), rest {}\n", with_thousands(c.actor_body),
                  with_thousands(c.actor_body_trainable), with_thousands(c.actor_rest));
  text +=
      fmt::format("  critic:      body {} ({} trainable), rest {}\n", with_thousands(c.critic_body),
                  with_thousands(c.critic_body_trainable), with_thousands(c.critic_rest));
  text += fmt::format("  encoder:     {}\n", with_thousands(c.encoder));
  text += group_report(optimizer);
  const double head_lr = network.config().head_lr;
  text += fmt::format("learning rates: backbone {:g}, heads {:g}, ratio heads/backbone {:g}\n",
                      backbone.backbone_lr, head_lr, head_lr / backbone.backbone_lr);
  return text;
}

}  // namespace

ParameterCounts count_parameters(const PolicyNetwork& network) {
  ParameterCounts c;
  for (const NamedTensor& p : network.parameters()) {
    const std::int64_t n = p.tensor.numel(), trains = p.tensor.requires_grad() ? n : 0;
    c.total += n;
    c.trainable += trains;
    const bool shared = p.name.starts_with("body.");
    const bool body = shared || p.name.find(".body.") != std::string::npos;
    if (p.name.starts_with("encoder.")) {
      c.encoder += n;
    } else if (shared || p.name.starts_with("actor.")) {
      (body ? c.actor_body : c.actor_rest) += n;
      if (body) c.actor_body_trainable += trains;
    } else {
      (body ? c.critic_body : c.critic_rest) += n;
      if (body) c.critic_body_trainable += trains;
    }
  }
  return c;
}

std::string with_thousands(std::int64_t n) {
  std::string text = std::to_string(n);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), ",");
  }
  return text;
}

std::string parameter_report(PolicyNetwork& network, const Adam& optimizer) {
  if (BackboneNetwork* backbone = find_backbone(network)) {
    return backbone_report(*backbone, optimizer) + state_report(*backbone);
  }
  const std::vector<NamedTensor> parameters = network.parameters();
  return share_report(count_parameters(parameters, false), count_parameters(parameters, true)) +
         group_report(optimizer);
}

std::string state_report(BackboneNetwork& network) {
  FrozenPrefix* prefix = network.prefix();
  if (prefix == nullptr) return "";
  const PictureInput& picture = network.config().picture;
  const std::int64_t bytes = picture.frames * numel(network.body_input());
  std::string text =
      fmt::format("a state: {} of {}x{}x{}, {} bytes, ",
                  picture.frames == 1 ? "a picture" : fmt::format("{} pictures", picture.frames),
                  picture.height, picture.width, picture.channels, with_thousands(bytes));
  if (prefix->units() == 0 || !network.config().backbone.savings.cache) {
    return text + "kept as it is and run in every epoch\n";
  }
  const std::int64_t kept = 4 * (prefix->width() + picture.values);
  const auto units = [&](std::size_t side, const ResNet& body) {
    return fmt::format("{} of {}", prefix->units(side), body.units());
  };
  const std::string actor = units(0, network.actor_body()),
                    critic = units(1, network.critic_body());
  return text + fmt::format(
                    "kept as {} bytes of features ({:.1f} % of that), which {} units need not be "
                    "run for again\n",
                    with_thousands(kept),
                    100.0 * static_cast<double>(kept) / static_cast<double>(bytes),
                    actor == critic ? actor : fmt::format("{} and {}", actor, critic));
}

std::string memory_table(const MemoryLedger::Bytes& bytes) {
  return memory_table_text(bytes).data();
}

std::string kernel_profile(const Backend& backend) {
  std::vector<std::pair<std::string, LaunchStats>> rows;
  double total = 0;
  for (const auto& [name, stats] : LaunchControl::profile()) {
    rows.emplace_back(name, stats);
    total += stats.seconds;
  }
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  std::string text = fmt::format("{:<28} {:>9} {:>10} {:>7}\n", "kernel", "calls", "seconds", "%");
  if (!backend.host_readable()) {
    text =
        "seconds in which the host enqueued kernels, not those of the device; replays of recorded "
        "minibatches are not in it\n" +
        text;
  }
  for (const auto& [name, stats] : rows) {
    text += fmt::format("{:<28} {:>9} {:>10.3f} {:>7.1f}\n", name, stats.calls, stats.seconds,
                        100 * stats.seconds / total);
  }
  return text;
}

}  // namespace frost
