#include "tools/runs/replay.h"

#include "engine/observe/finite_check.h"
#include "kernels/errors.h"
#include "tools/cli/standard_output.h"
#include "tools/runs/checkpoint.h"
#include "tools/runs/resume_rules.h"
#include "tools/runs/trainer.h"

namespace frost {

std::string first_not_finite(Ppo& ppo) {
  const FiniteCheck check;
  try {
    ppo.update([] { return true; });
    return "";
  } catch (const NotFiniteError& found) {
    return found.what();
  }
}

int replay(const std::string& failure, const CommonOptions& options) {
  const Checkpoint state = read_checkpoint(failure);
  state.require_resumable();
  const Config own = parse_run_config(state.config, failure, {});
  const Config config = resumed_config(
      own, parse_run_config(state.config, failure, config_overrides(options)), failure);
  Trainer trainer(config, true);
  trainer.restore(state.file);
  print_out("device: {}\nupdate {} from {}\n", trainer.setup().device, state.updates + 1, failure);
  const std::string operation = first_not_finite(trainer.ppo());
  if (operation.empty()) {
    print_out("repeated: every value is finite\n");
    return 0;
  }
  print_out("first of all: {}\n", operation);
  return 1;
}

}  // namespace frost
