#include "kernels/cuda/conv/plan_cache.h"

#include "kernels/cuda/runtime/diagnosis.h"
#include "kernels/errors.h"

namespace frost::cuda {

std::string to_string(const PlanKey& key) {
  const char* const directions[] = {"forward", "data gradient", "weight gradient"};
  const auto product = [](auto... sides) {
    std::string text;
    ((text += (text.empty() ? "" : "x") + std::to_string(sides)), ...);
    return text;
  };
  std::string text = directions[key.direction];
  text += " " + product(key.n, key.h, key.w, key.c) + " * " + product(key.k, key.kh, key.kw) + "/" +
          std::to_string(key.stride) + "+" + std::to_string(key.pad);
  if (key.epilogue & PlanKey::kResidual) text += " residual";
  if (key.epilogue & PlanKey::kBias) text += " bias";
  text += std::string(" ") + frost::to_string(static_cast<MathMode>(key.math));
  if (key.alignment != 16) text += " aligned to " + std::to_string(key.alignment);
  return text;
}

void require_no_capture(const Stream& stream, const char* what) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  FROST_CUDA(cudaStreamIsCapturing(stream.raw(), &status));
  if (status != cudaStreamCaptureStatusNone) {
    fail("cuda", std::string(what) + " is new while a graph is captured; run the step once before");
  }
}

const PlanCache::Entry& PlanCache::get(const PlanKey& key) {
  return entries_.get(key, [&] { return make(key); });
}

PlanCache::Entry PlanCache::make(const PlanKey& key) {
  require_no_capture(stream_, "a convolution plan");
  Entry entry;
  entry.plan = build_conv_plan({handle_}, key, entry.note);
  stream_.count_plan();
  if (entry.plan) {
    entry.note =
        to_string(entry.plan->engine()) + ", workspace " + mebibytes(entry.plan->workspace_bytes());
  } else {
    entry.note = "none: " + entry.note;
  }
  report_ += to_string(key) + ": " + entry.note + "\n";
  return entry;
}

}  // namespace frost::cuda
