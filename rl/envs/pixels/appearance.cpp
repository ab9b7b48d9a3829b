#include "rl/envs/pixels/appearance.h"

#include <algorithm>

#include "engine/random.h"

namespace frost {
namespace {

/// What both seeds choose together; `index` tells colours from backgrounds.
RandomStream episode_stream(std::uint64_t seed, std::uint64_t episode_seed, std::uint32_t index) {
  const PhiloxBlock mixed = philox4x32(
      {{static_cast<std::uint32_t>(episode_seed), static_cast<std::uint32_t>(episode_seed >> 32),
        index, static_cast<std::uint32_t>(StreamPurpose::kField)}},
      seed);
  return {(std::uint64_t{mixed.word[0]} << 32) | mixed.word[1], StreamPurpose::kField, index};
}

int squared_distance(Colour a, Colour b) {
  const int red = a.red - b.red, green = a.green - b.green, blue = a.blue - b.blue;
  return red * red + green * green + blue * blue;
}

Colour random_colour(RandomStream& stream) {
  const std::uint32_t bits = stream.next_bits();
  return {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8),
          static_cast<std::uint8_t>(bits >> 16)};
}

/// Of several colours the one that is farthest from the nearest of `others`, so that things stay
/// visible.
Colour distant_colour(RandomStream& stream, const Palette& others) {
  constexpr int kCandidates = 16;
  Colour best{};
  int best_distance = -1;
  for (int i = 0; i < kCandidates; ++i) {
    const Colour candidate = random_colour(stream);
    int nearest = squared_distance({0, 0, 0}, {255, 255, 255});
    for (const Colour other : others) {
      nearest = std::min(nearest, squared_distance(candidate, other));
    }
    if (nearest > best_distance) best = candidate, best_distance = nearest;
  }
  return best;
}

}  // namespace

Palette episode_palette(const Appearance& appearance, const Palette& standard,
                        std::uint64_t episode_seed) {
  using Colours = Appearance::Colours;
  if (appearance.colours == Colours::kStandard) return standard;
  const bool own = appearance.colours == Colours::kDrawnPerEpisode;
  RandomStream stream = episode_stream(appearance.seed, own ? episode_seed : 0, 0);
  Palette palette;
  while (palette.size() < standard.size()) palette.push_back(distant_colour(stream, palette));
  return palette;
}

const RgbImage* episode_background(const Appearance& appearance, std::uint64_t episode_seed) {
  if (!appearance.backgrounds || appearance.backgrounds->empty()) return nullptr;
  const std::vector<RgbImage>& all = *appearance.backgrounds;
  RandomStream stream = episode_stream(appearance.seed, episode_seed, 1);
  return &all[stream.below(static_cast<std::uint32_t>(all.size()))];
}

}  // namespace frost
