#pragma once

#include <cstdint>

#include "rl/byte_stream.h"

namespace frost {

/// What wrote a record of an environment's state, and in which form.
struct RecordKind {
  std::uint32_t magic, version;
  const char* what;  ///< as in "not a control environment's state"
};

/// Where an episode is.
struct EpisodePlace {
  bool running = false;
  std::int32_t steps = 0;
  std::uint64_t seed = 0;
};

void put_kind(StateWriter& out, const RecordKind& kind);
/// Throws Error for a record of another kind or version.
void expect_kind(StateReader& in, const RecordKind& kind);

/// The beginning of a record: kind and place.
void put_place(StateWriter& out, const RecordKind& kind, const EpisodePlace& place);
/// Throws Error as `expect_kind`, and for a step that no episode of at most `time_limit` steps (0:
/// of any length) is at.
EpisodePlace get_place(StateReader& in, const RecordKind& kind, int time_limit);

}  // namespace frost
