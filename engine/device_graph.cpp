#include "engine/device_graph.h"

#include <utility>

#include "engine/observe/op_observer.h"
#include "kernels/errors.h"

namespace frost {
namespace {

thread_local bool recording_now = false;

/// Observers would look at what has not been computed, and see nothing of a replay.
void require_unobserved() {
  if (OpObserver::any()) fail("device_graph", "recorded work cannot be observed: run it eagerly");
}

class RecordingScope {
 public:
  RecordingScope() : previous_(std::exchange(recording_now, true)) {}
  ~RecordingScope() { recording_now = previous_; }
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;

 private:
  bool previous_;
};

}  // namespace

DeviceGraph::DeviceGraph(Backend& backend, std::function<void()> work) : work_(std::move(work)) {
  if (!backend.records()) return;
  require_unobserved();
  const RecordingScope scope;
  recorded_ = backend.record(work_);
}

void DeviceGraph::replay() {
  if (recorded_ != nullptr) {
    require_unobserved();
    recorded_->replay();
  } else {
    work_();
  }
}

bool DeviceGraph::recording() {
  return recording_now;
}

}  // namespace frost
