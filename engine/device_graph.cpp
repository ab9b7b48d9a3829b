#include "engine/device_graph.h"

#include <utility>

namespace frost {
namespace {

thread_local bool recording_now = false;

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
  const RecordingScope scope;
  recorded_ = backend.record(work_);
}

void DeviceGraph::replay() {
  if (recorded_ != nullptr) {
    recorded_->replay();
  } else {
    work_();
  }
}

bool DeviceGraph::recording() {
  return recording_now;
}

}  // namespace frost
