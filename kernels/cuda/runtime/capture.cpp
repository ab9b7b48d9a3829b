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
  GraphWork(cudaGraph_t graph, const DeviceCounts& work, Stream& stream, Allocator& allocator,
            std::unordered_set<const void*> held_before,
            std::vector<std::shared_ptr<const void>> kept)
      : kept_(std::move(kept)),
        work_(work),
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
    stream_.replay(executable_, work_);
  }

 private:
  std::vector<std::shared_ptr<const void>> kept_;
  DeviceCounts work_;
  Stream& stream_;
  Allocator& allocator_;
  std::unordered_set<const void*> held_before_;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace

Capture::Capture(Stream& stream, Allocator& allocator)
    : stream_(stream), allocator_(allocator), memory_(allocator), recording_(stream) {}

std::unique_ptr<RecordedWork> Capture::finish(std::vector<std::shared_ptr<const void>> kept) {
  cudaGraph_t graph = recording_.end();
  const std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph> owner(graph);
  kept.push_back(memory_.hold());
  return std::make_unique<GraphWork>(graph, recording_.work(), stream_, allocator_,
                                     memory_.held_before(), std::move(kept));
}

}  // namespace frost::cuda
