#include "rl/frame_stack.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kernels/errors.h"
#include "rl/byte_stream.h"

namespace frost {

EnvironmentSpec stacked_spec(EnvironmentSpec spec, int frames) {
  auto* picture = std::get_if<PictureSpec>(&spec.observation);
  if (picture == nullptr || picture->frames != 1 || frames < 1) {
    throw UsageError(fmt::format("{} frames of {}: only single pictures are stacked, at least one",
                                 frames, spec.name));
  }
  picture->frames = frames;
  return spec;
}

RecordedEpisodes stacked_record(const RecordedEpisodes& record, int frames) {
  RecordedEpisodes stacked{stacked_spec(record.spec, frames), record.steps};
  std::size_t first = 0;  // of the episode
  for (std::size_t t = 0; t < record.steps.size(); ++t) {
    auto& seen = std::get<PictureObservation>(stacked.steps[t].observation);
    seen.pixels.clear();
    for (auto back = static_cast<std::size_t>(frames); back-- > 0;) {
      const RecordedStep& from = record.steps[std::max(t, first + back) - back];
      const auto& pixels = std::get<PictureObservation>(from.observation).pixels;
      seen.pixels.insert(seen.pixels.end(), pixels.begin(), pixels.end());
    }
    if (record.steps[t].result.done()) first = t + 1;
  }
  return stacked;
}

FrameStack::FrameStack(std::unique_ptr<Environment> environment, int frames)
    : Environment(stacked_spec(environment->spec(), frames)),
      environment_(std::move(environment)) {}

void FrameStack::reset(std::uint64_t episode_seed) {
  environment_->reset(episode_seed);
  const auto first = std::get<PictureObservation>(environment_->observe());
  seen_ = {{}, first.values};
  for (int i = 0; i < std::get<PictureSpec>(spec().observation).frames; ++i) {
    seen_.pixels.insert(seen_.pixels.end(), first.pixels.begin(), first.pixels.end());
  }
}

StepResult FrameStack::step(const Action& action) {
  const StepResult result = environment_->step(action);
  auto newest = std::get<PictureObservation>(environment_->observe());
  const auto size = static_cast<std::ptrdiff_t>(newest.pixels.size());
  std::shift_left(seen_.pixels.begin(), seen_.pixels.end(), size);
  std::ranges::copy(newest.pixels, seen_.pixels.end() - size);
  seen_.values = std::move(newest.values);
  return result;
}

std::vector<std::uint8_t> FrameStack::save_state() const {
  StateWriter writer;
  writer.put_all<std::uint8_t>(seen_.pixels);
  writer.put_all<std::uint8_t>(environment_->save_state());
  return writer.take();
}

void FrameStack::load_state(const std::vector<std::uint8_t>& state) {
  StateReader reader("frame_stack", state);
  auto pixels = reader.get_all<std::uint8_t>();
  const auto inner = reader.get_all<std::uint8_t>();
  reader.expect_end();
  const std::size_t size = std::get<PictureSpec>(spec().observation).bytes();
  if (pixels.size() != size) {
    fail("frame_stack", fmt::format("{} bytes of frames, not {}", pixels.size(), size));
  }
  environment_->load_state(inner);
  seen_ = {std::move(pixels), std::get<PictureObservation>(environment_->observe()).values};
}

void FrameStack::limit_time(int steps) {
  environment_->limit_time(steps);
  set_time_limit(steps);
}

}  // namespace frost
