#include "kernels/cuda/runtime/capture.h"

#include <utility>

#include "kernels/cuda/runtime/cuda_check.h"

namespace frost::cuda {
namespace {

struct DestroyGraph {
  void operator()(cudaGraph_t graph) const { FROST_CUDA_NOTHROW(cudaGraphDestroy(graph)); }
};

class GraphWork final : public RecordedWork {
 public:
  GraphWork(cudaGraph_t graph, cudaStream_t stream, std::vector<std::shared_ptr<const void>> kept)
      : kept_(std::move(kept)), stream_(stream) {
    FROST_CUDA(cudaGraphInstantiate(&executable_, graph, 0));
  }
  ~GraphWork() override { FROST_CUDA_NOTHROW(cudaGraphExecDestroy(executable_)); }
  GraphWork(const GraphWork&) = delete;
  GraphWork& operator=(const GraphWork&) = delete;

  void replay() override { FROST_CUDA(cudaGraphLaunch(executable_, stream_)); }

 private:
  std::vector<std::shared_ptr<const void>> kept_;
  cudaStream_t stream_;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace

Capture::Capture(cudaStream_t stream, Allocator& allocator) : stream_(stream), memory_(allocator) {
  FROST_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed));
  capturing_ = true;
}

Capture::~Capture() {
  if (!capturing_) return;
  cudaGraph_t graph = nullptr;
  FROST_CUDA_NOTHROW(cudaStreamEndCapture(stream_, &graph));
  if (graph != nullptr) FROST_CUDA_NOTHROW(cudaGraphDestroy(graph));
}

std::unique_ptr<RecordedWork> Capture::finish(std::vector<std::shared_ptr<const void>> kept) {
  capturing_ = false;
  cudaGraph_t graph = nullptr;
  FROST_CUDA(cudaStreamEndCapture(stream_, &graph));
  const std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph> owner(graph);
  kept.push_back(memory_.hold());
  return std::make_unique<GraphWork>(graph, stream_, std::move(kept));
}

}  // namespace frost::cuda
