#include "rl/envs/episode_record.h"

#include <fmt/format.h>

#include <string>

#include "kernels/errors.h"

namespace frost {
namespace {

constexpr const char* kOp = "load_state";

}  // namespace

void put_kind(StateWriter& out, const RecordKind& kind) {
  out.put(kind.magic);
  out.put(kind.version);
}

void expect_kind(StateReader& in, const RecordKind& kind) {
  if (in.get<std::uint32_t>() != kind.magic) fail(kOp, std::string("not ") + kind.what);
  if (const auto version = in.get<std::uint32_t>(); version != kind.version) {
    fail(kOp, fmt::format("format version {}; this program reads {}", version, kind.version));
  }
}

void put_place(StateWriter& out, const RecordKind& kind, const EpisodePlace& place) {
  put_kind(out, kind);
  out.put(static_cast<std::uint8_t>(place.running));
  out.put(place.steps);
  out.put(place.seed);
}

EpisodePlace get_place(StateReader& in, const RecordKind& kind, int time_limit) {
  expect_kind(in, kind);
  EpisodePlace place;
  place.running = in.get<std::uint8_t>() != 0;
  place.steps = in.get<std::int32_t>();
  const bool at_limit = time_limit > 0 && place.steps >= time_limit;
  if (place.steps < 0 || (at_limit && (place.running || place.steps > time_limit))) {
    fail(kOp, fmt::format("step {} of at most {} is impossible", place.steps, time_limit));
  }
  place.seed = in.get<std::uint64_t>();
  return place;
}

}  // namespace frost
