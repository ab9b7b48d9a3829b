#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace frost {

inline constexpr std::int64_t kImagenetClasses = 1000;

struct InferOptions {
  std::string weights, labels, features, layer = "pool", logits, device = "auto";
  std::vector<std::string> inputs;
  int top = 5, threads = 0;
};

/// Runs the network on the inputs, prints predictions and writes what is asked for, all of it or
/// nothing. Returns the exit status.
int infer(const InferOptions& options);

}  // namespace frost
