#include "models/policies/frame_memory.h"

#include <algorithm>
#include <utility>

#include "engine/autograd.h"
#include "engine/ops.h"

namespace frost {
namespace {

using Bytes = std::span<const std::uint8_t>;

Bytes frame_at(Bytes bytes, std::int64_t index, std::size_t size) {
  return bytes.subspan(static_cast<std::size_t>(index) * size, size);
}

}  // namespace

std::int64_t FrameMemory::find_known(Bytes frame, std::int64_t state, std::int64_t place,
                                     std::int64_t frames) const {
  if (state >= states_) return -1;
  for (const std::int64_t before : {place + 1, place}) {
    const std::int64_t row = state * frames + before;
    if (before < frames && std::ranges::equal(frame, frame_at(bytes_, row, frame.size()))) {
      return row;
    }
  }
  return -1;
}

Tensor FrameMemory::features(Backend& backend, std::vector<std::uint8_t> bytes, std::int64_t states,
                             std::int64_t frames, FrozenPrefix& prefix) {
  const NoGradGuard no_grad;
  const std::size_t size = bytes.size() / static_cast<std::size_t>(states * frames);
  const std::uint64_t id = prefix.id();
  const bool comparable = features_.defined() && id == prefix_id_ &&
                          bytes_.size() == static_cast<std::size_t>(states_ * frames) * size;
  if (!comparable) states_ = 0;
  const std::int64_t known_rows = states_ * frames;
  std::vector<std::int32_t> rows;
  std::vector<std::uint8_t> fresh;
  std::int64_t fresh_count = 0;
  for (std::int64_t i = 0; i < states * frames; ++i) {
    const Bytes frame = frame_at(bytes, i, size);
    const std::int64_t place = i % frames;
    if (place > 0 && std::ranges::equal(frame, frame_at(bytes, i - 1, size))) {
      rows.push_back(rows.back());
      continue;
    }
    std::int64_t row = find_known(frame, i / frames, place, frames);
    if (row < 0) {
      fresh.insert(fresh.end(), frame.begin(), frame.end());
      row = known_rows + fresh_count++;
    }
    rows.push_back(static_cast<std::int32_t>(row));
  }
  std::vector<Tensor> parts;
  if (known_rows > 0) parts.push_back(features_);
  if (fresh_count > 0) {
    parts.push_back(prefix.run(Tensor::from_host(backend, Bytes(fresh))));
  }
  features_ = gather_rows(concat_rows(parts),
                          Tensor::from_host(backend, std::span<const std::int32_t>(rows)));
  bytes_ = std::move(bytes);
  states_ = states;
  prefix_id_ = id;
  computed_ += fresh_count;
  return features_;
}

}  // namespace frost
