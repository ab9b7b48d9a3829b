#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace frost {

inline constexpr std::int64_t kImagenetClasses = 1000;

struct InferOptions {
  std::string weights, labels, features, layer = "pool", logits, device = "auto";
  std::vector<std::string> inputs;
  int top = 5, threads = 0;
};

/// Takes one line of what the user should know beside the results.
using NoteSink = std::function<void(const std::string&)>;

/// Runs the network on the inputs and writes what is asked for, all of it or nothing. Hidden files
/// of a folder are not looked at; `note` is told what else of it is no picture. Returns the table
/// of predictions; empty without a classifier. Throws Error where a folder holds no picture, and
/// for what cannot be read or written.
std::string infer(const InferOptions& options, const NoteSink& note);

}  // namespace frost
