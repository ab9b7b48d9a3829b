#pragma once

#include <string>

#include "tools/config/common_options.h"
#include "tools/runs/evaluation/evaluation_outputs.h"

namespace frost {

struct EvaluateOptions {
  std::string target, policy, checkpoint;
  EvaluationFiles files;
  int episodes = 50;
  bool sampled = false, deterministic = false;
  CommonOptions common;
};

/// Evaluates a run or a baseline and prints what is found. Returns the exit status.
int evaluate(const EvaluateOptions& options);

}  // namespace frost
