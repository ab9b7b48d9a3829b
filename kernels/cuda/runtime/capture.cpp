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
  GraphWork(cudaGraph_t graph, cudaStream_t stream, Allocator& allocator,
            std::unordered_set<const void*> held_before,
            std::vector<std::shared_ptr<const void>> kept)
      : kept_(std::move(kept)),
        stream_(stream),
        allocator_(allocator),
        held_before_(std::move(held_before)) {
    FROST_CUDA(cudaGraphInstantiate(&executable_, graph, 0));
  }
  ~GraphWork() override { FROST_CUDA_NOTHROW(cudaGraphExecDestroy(executable_)); }
  GraphWork(const GraphWork&) = delete;
  GraphWork& operator=(const GraphWork&) = delete;

  void replay() override {
    allocator_.poison_idle_heap(held_before_);
    FROST_CUDA(cudaGraphLaunch(executable_, stream_));
  }

 private:
  std::vector<std::shared_ptr<const void>> kept_;
  cudaStream_t stream_;
  Allocator& allocator_;
  std::unordered_set<const void*> held_before_;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace

Capture::Capture(cudaStream_t stream, Allocator& allocator)
    : stream_(stream), allocator_(allocator), memory_(allocator) {
  FROST_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed));
  capturing_ = true;
}

Capture::~Capture() {
  if (!capturing_) return;
  cudaGraph_t graph = nullptr;
  const cudaError_t status = cudaStreamEndCapture(stream_, &graph);
  // Why it was abandoned is told by the error that is on its way; what did it has often broken the
  // capture, too.
  if (status == cudaErrorStreamCaptureInvalidated) {
    static_cast<void>(cudaGetLastError());
  } else if (status != cudaSuccess) {
    report_failure("cudaStreamEndCapture", status);
  }
  if (graph != nullptr) FROST_CUDA_NOTHROW(cudaGraphDestroy(graph));
}

std::unique_ptr<RecordedWork> Capture::finish(std::vector<std::shared_ptr<const void>> kept) {
  capturing_ = false;
  cudaGraph_t graph = nullptr;
  FROST_CUDA(cudaStreamEndCapture(stream_, &graph));
  const std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph> owner(graph);
  kept.push_back(memory_.hold());
  return std::make_unique<GraphWork>(graph, stream_, allocator_, memory_.held_before(),
                                     std::move(kept));
}

}  // namespace frost::cuda
