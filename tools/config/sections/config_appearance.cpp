#include "tools/config/sections/config_appearance.h"

#include "tools/config/config_member.h"
#include "tools/config/config_rules.h"
#include "tools/images/picture_folder.h"

namespace frost {

std::vector<ConfigKey> appearance_keys() {
  using Colours = Appearance::Colours;
  const std::string group = "environment.appearance.";
  return all_with(
      KeyNeed::kAppearance,
      {
          choice<Colours>(group + "colours", MEMBER(appearance.look.colours),
                          {{"standard", Colours::kStandard},
                           {"drawn", Colours::kDrawn},
                           {"drawn_per_episode", Colours::kDrawnPerEpisode}},
                          "the environment's own, or drawn at random once or for every episode"),
          number(group + "seed", MEMBER(appearance.look.seed), {},
                 "of drawn colours, and of which background an episode has"),
          file_path(group + "backgrounds", MEMBER(appearance.backgrounds),
                    "folder of PNG and JPEG pictures, one of them behind each episode; empty: a "
                    "plain colour"),
          int_pair(group + "camera_offset", MEMBER(appearance.look.right),
                   MEMBER(appearance.look.down), between(-40, 40),
                   "pixels by which what is drawn is moved, right and down; the background stays"),
      });
}

Appearance configured_appearance(const Config& config, const EnvironmentSpec& spec) {
  Appearance look = config.appearance.look;
  if (config.appearance.backgrounds.empty()) return look;
  const auto& picture = std::get<PictureSpec>(spec.observation);
  look.backgrounds = std::make_shared<const std::vector<RgbImage>>(
      load_picture_folder(config.appearance.backgrounds, picture.width, picture.height));
  return look;
}

}  // namespace frost
