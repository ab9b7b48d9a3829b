#include "engine/observe/op_observer.h"

#include <vector>

#include "engine/launch.h"

namespace frost {

std::string OpOutput::description() const {
  const std::string start = "[" + std::string(op) + "] ", end = " " + to_string(tensor.shape());
  switch (phase) {
    case Phase::kForward:
      return start + "forward: the output" + end;
    case Phase::kBackward:
      return start + "backward: the gradient of input " + std::to_string(input) + end;
    case Phase::kStep:
      return start + "step: the parameter '" + std::string(parameter) + "'" + end;
  }
  return start;
}

void OpObserver::tell(const OpOutput& made) {
  if (LaunchControl::dry_run()) return;
  std::vector<OpObserver*> all;
  for (OpObserver* o = newest_; o != nullptr; o = o->older_) all.push_back(o);
  for (auto o = all.rbegin(); o != all.rend(); ++o) (*o)->observe(made);
}

}  // namespace frost
