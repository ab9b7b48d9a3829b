#include "tools/lab/probe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/errors.h"
#include "tools/config/config.h"

namespace frost {
namespace {

Config config_of(const std::string& environment) {
  return parse_config("environment: {name: " + environment + "}", "test", {"system.threads=2"});
}

// One picture of a pole shows its angle; how fast it turns takes two.
TEST(Probe, AVelocityTakesTwoFramesAndAnAngleOne) {
  Config config = config_of("PixelCartPole");
  config.model.backbone.pretrained_weights = "random";
  const ProbeTable table = probe_taps(config, 640, 2);
  const auto score = [&](const std::string& tap, int frames, const std::string& target) {
    const auto row = std::find_if(table.rows.begin(), table.rows.end(), [&](const ProbeRow& r) {
      return r.tap == tap && r.frames == frames;
    });
    const auto column = std::find(table.targets.begin(), table.targets.end(), target);
    return row->scores.at(static_cast<std::size_t>(column - table.targets.begin()));
  };
  EXPECT_EQ(table.rows.size(), 2u * (5 + 1));
  EXPECT_GT(score("layer1", 1, "angle"), 0.9);
  EXPECT_GT(score("layer1", 2, "velocity"), score("layer1", 1, "velocity") + 0.3);
  EXPECT_EQ(table.best().tap.find("random"), std::string::npos);
  EXPECT_NE(table.best().tap, "pixels");
  const auto json = nlohmann::json::parse(probe_json(table));
  EXPECT_EQ(json["rows"].size(), table.rows.size());
  EXPECT_EQ(json["best"]["tap"], table.best().tap);
}

TEST(Probe, AnEnvironmentWithoutPicturesIsRefused) {
  EXPECT_THROW(probe_taps(config_of("CartPole-v1"), 64, 1), UsageError);
}

}  // namespace
}  // namespace frost
