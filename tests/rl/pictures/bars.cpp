#include "tests/rl/pictures/bars.h"

#include <algorithm>
#include <utility>

namespace frost {
namespace {

EnvironmentSpec drawn(EnvironmentSpec spec, int channels, bool values, bool resumes) {
  spec.resumes_exactly = resumes;
  const int numbers = std::get<VectorSpec>(spec.observation).size;
  spec.observation = PictureSpec{Bars::kHeight, Bars::kWidth, channels, values ? numbers : 0};
  return spec;
}

}  // namespace

Bars::Bars(std::unique_ptr<Environment> numbers, int channels, bool values, bool resumes)
    : Environment(drawn(numbers->spec(), channels, values, resumes)),
      numbers_(std::move(numbers)) {}

Observation Bars::observe() const {
  const auto vector = std::get<VectorObservation>(numbers_->observe()).values;
  const auto& picture = std::get<PictureSpec>(spec().observation);
  PictureObservation seen;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const float number = vector[static_cast<std::size_t>(x) * vector.size() / kWidth];
      const bool below = static_cast<float>(kHeight - y) <= (number + 1) / 2 * kHeight;
      for (int c = 0; c < picture.channels; ++c) {
        seen.pixels.push_back(static_cast<std::uint8_t>(below ? 250 - 60 * c : 20 + 30 * c + x));
      }
    }
  }
  if (picture.values > 0) seen.values = vector;
  return seen;
}

void Bars::limit_time(int steps) {
  numbers_->limit_time(steps);
  set_time_limit(steps);
}

}  // namespace frost
