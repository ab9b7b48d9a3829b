#include "models/policies/picture_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/errors.h"

namespace frost {

PictureRows picture_rows(const std::vector<const Observation*>& observations,
                         const PictureInput& input) {
  const auto pixels =
      static_cast<std::size_t>(input.frames * input.height * input.width * input.channels);
  const auto count = static_cast<std::size_t>(input.values);
  PictureRows rows;
  rows.pixels.reserve(observations.size() * pixels);
  for (const Observation* o : observations) {
    const auto* picture = std::get_if<PictureObservation>(o);
    if (picture == nullptr) fail("image_batch", "the observation is not an image");
    if (picture->pixels.size() != pixels || picture->values.size() != count) {
      fail("image_batch",
           fmt::format("a picture of {} bytes and {} values for a network of {} frames of {}x{}x{} "
                       "and {} values",
                       picture->pixels.size(), picture->values.size(), input.frames, input.height,
                       input.width, input.channels, count));
    }
    rows.pixels.insert(rows.pixels.end(), picture->pixels.begin(), picture->pixels.end());
    rows.values.insert(rows.values.end(), picture->values.begin(), picture->values.end());
  }
  return rows;
}

std::vector<std::uint8_t> frames_as_channels(const std::vector<std::uint8_t>& pixels,
                                             const PictureInput& input) {
  const auto frames = static_cast<std::size_t>(input.frames);
  const auto channels = static_cast<std::size_t>(input.channels);
  const auto places = static_cast<std::size_t>(input.height * input.width);
  std::vector<std::uint8_t> out(pixels.size());
  for (std::size_t from = 0; from < pixels.size(); from += channels) {
    const std::size_t place = from / channels % places, frame = from / channels / places % frames;
    const std::size_t state = from / channels / places / frames;
    const std::size_t to = ((state * places + place) * frames + frame) * channels;
    std::copy_n(pixels.begin() + static_cast<std::ptrdiff_t>(from), channels,
                out.begin() + static_cast<std::ptrdiff_t>(to));
  }
  return out;
}

}  // namespace frost
