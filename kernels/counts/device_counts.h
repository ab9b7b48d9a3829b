#pragma once

#include <cstdint>

namespace frost {

/// What a device has been asked to do since it was made. Recorded work counts when it is replayed,
/// not when it is recorded, and then as if it had been enqueued.
///
/// A call of a library counts once, whatever kernels it starts: those only the library knows.
struct DeviceCounts {
  std::int64_t kernels = 0;  ///< launches of own kernels
  std::int64_t library = 0;  ///< matrix products and convolutions
  std::int64_t fills = 0;
  std::int64_t copies = 0;       ///< within the device
  std::int64_t graphs = 0;       ///< replays of recorded work
  std::int64_t nodes = 0;        ///< of all the above, those that were nodes of a graph
  std::int64_t waits = 0;        ///< of the host for the device; most copies have one
  std::int64_t uploads = 0;      ///< copies from the host
  std::int64_t downloads = 0;    ///< copies to the host
  std::int64_t allocations = 0;  ///< asked of the driver's pool
  std::int64_t plans = 0;        ///< made for a library, a millisecond or more of the host each
  std::int64_t bytes_uploaded = 0, bytes_downloaded = 0;
  /// Of device memory, each byte once per kernel, call, fill or copy that declares it.
  std::int64_t bytes_read = 0, bytes_written = 0;
  /// Of the library calls, padding counted as data.
  std::int64_t multiplications = 0;

  /// What is enqueued, one by one or as nodes.
  std::int64_t work() const { return kernels + library + fills + copies; }
  /// What the host enqueues, a graph as one.
  std::int64_t launches() const { return work() - nodes + graphs; }
  std::int64_t bytes_moved() const { return bytes_read + bytes_written; }

  DeviceCounts& operator+=(const DeviceCounts& other);
  DeviceCounts& operator-=(const DeviceCounts& other);
  bool operator==(const DeviceCounts&) const = default;
};

}  // namespace frost
