#include "rl/frame_stack.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kernels/errors.h"
#include "rl/byte_stream.h"

namespace frost {

EnvironmentSpec stacked_spec(EnvironmentSpec spec, int frames) {
  auto* picture = std::get_if<PictureSpec>(&spec.observation);
  if (picture == nullptr || frames < 1) {
    throw UsageError(
        fmt::format("{} frames of {}: only pictures are stacked, at least one", frames, spec.name));
  }
  picture->frames = frames;
  return spec;
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
  writer.put(static_cast<std::uint64_t>(seen_.pixels.size()));
  for (const std::uint8_t pixel : seen_.pixels) writer.put(pixel);
  const std::vector<std::uint8_t> inner = environment_->save_state();
  writer.put(static_cast<std::uint64_t>(inner.size()));
  for (const std::uint8_t byte : inner) writer.put(byte);
  return writer.take();
}

void FrameStack::load_state(const std::vector<std::uint8_t>& state) {
  StateReader reader("frame_stack", state);
  const auto get_bytes = [&] {
    std::vector<std::uint8_t> bytes(reader.get_count(1));
    for (std::uint8_t& byte : bytes) byte = reader.get<std::uint8_t>();
    return bytes;
  };
  std::vector<std::uint8_t> pixels = get_bytes();
  const std::vector<std::uint8_t> inner = get_bytes();
  reader.expect_end();
  const auto& picture = std::get<PictureSpec>(spec().observation);
  const auto size = static_cast<std::size_t>(picture.height) *
                    static_cast<std::size_t>(picture.width * picture.channels * picture.frames);
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
