#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>

namespace frost::fuzz {

using Input = std::span<const std::byte>;

/// A reader broke its promise: an Error of one line, or a complete value, and nothing else.
class Finding : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Each gives arbitrary bytes to one reader, checks what comes out and returns whether that was a
/// value. They throw Finding, or let pass whatever the reader throws that is not an Error; the
/// sanitizers see the rest.
bool read_zip(Input input);
bool read_tar(Input input);
bool read_legacy(Input input);
/// A pickle of state dicts whose storages have the size it says, up to 64 KiB each.
bool read_pickle(Input input);
bool read_safetensors(Input input);
/// Lines of a tensor's name and sizes, among which a body is looked for.
bool find_names(Input input);
bool read_config(Input input);
/// A checkpoint's environments, counters and optimizer state; the network's weights, which are too
/// large for every input, are left out. What loads must then take a step.
bool read_checkpoint(Input input);

struct Target {
  const char* name;
  bool (*read)(Input);
};

inline constexpr Target kTargets[] = {
    {"zip", read_zip},
    {"tar", read_tar},
    {"legacy", read_legacy},
    {"pickle", read_pickle},
    {"safetensors", read_safetensors},
    {"names", find_names},
    {"config", read_config},
    {"checkpoint", read_checkpoint},
};

}  // namespace frost::fuzz
