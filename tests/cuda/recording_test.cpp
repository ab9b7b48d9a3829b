#include <cstdlib>
#include <limits>
#include <optional>

#include "kernels/errors.h"
#include "kernels/out_of_memory.h"
#include "tests/cuda/device_fixture.h"

// Memory, and recorded work.
namespace frost {
namespace {

TEST_F(CudaDevice, OutOfMemoryIsAnErrorThatNamesWhoHoldsWhat) {
  std::size_t free_bytes = 0, total_bytes = 0;
  ASSERT_EQ(cudaMemGetInfo(&free_bytes, &total_bytes), cudaSuccess);
  try {
    // Not more than addresses reach: that would be another error.
    backend_->allocate(total_bytes + (std::size_t{1} << 30));
    FAIL() << "more than the device has was allocated";
  } catch (const OutOfMemoryError& e) {
    EXPECT_NE(std::string(e.what()).find("out of GPU memory"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("workspace"), std::string::npos) << e.what();
  }
  const TrackedBuffer after = upload(values(16, 1));  // the device goes on
  EXPECT_EQ(download(after), values(16, 1));
}

TEST_F(CudaDevice, RecordedWorkReplaysOnWhatItsInputsHoldThen) {
  const Layer layer = kLayers[2];
  const TrackedBuffer x = upload(values(layer.x(), 1)), w = upload(values(layer.w(), 2));
  const TrackedBuffer dy = upload(values(layer.y(), 3)), dw = empty(layer.w());
  const auto work = [&] {
    for (const GradMode mode : {GradMode::kOverwrite, GradMode::kAccumulate}) {  // one allocates
      backend_->convolution().conv2d_backward_weight(layer.s, x.floats(), dy.floats(),
                                                     {dw.floats(), mode});
    }
    backend_->elementwise().axpy(layer.w(), 0.5f, w.floats(), {dw.floats(), GradMode::kAccumulate});
  };
  work();
  const std::vector<float> first = download(dw);
  const std::unique_ptr<RecordedWork> recorded = backend_->record(work);
  EXPECT_EQ(download(dw), first) << "recording runs nothing";
  backend_->copy_from_host(x.data(), values(layer.x(), 7).data(), x.bytes());
  recorded->replay();
  const std::vector<float> replayed = download(dw);
  EXPECT_NE(replayed, first);
  work();
  EXPECT_EQ(replayed, download(dw)) << "eager and replayed work give equal bits";
}

TEST_F(CudaDevice, ARecordingThatFailsLeavesTheDeviceUsable) {
  const TrackedBuffer x = upload(values(16, 1));
  testing::internal::CaptureStderr();
  EXPECT_THROW(backend_->record([&] { download(x); }), Error);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "the error says all";
  const TrackedBuffer y = empty(16);
  backend_->elementwise().axpy(16, 1.0f, x.floats(), {y.floats(), GradMode::kOverwrite});
  EXPECT_EQ(download(y), values(16, 1));
}

TEST_F(CudaDevice, NewPlansAreRefusedDuringCapture) {
  const Layer layer = kLayers[2];
  const TrackedBuffer x = upload(values(layer.x(), 1)), w = upload(values(layer.w(), 2));
  const TrackedBuffer y = empty(layer.y());
  cudaStream_t stream = backend_->stream().raw();
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_THROW(backend_->convolution().conv2d_forward(layer.s, x.floats(), {w.floats()}, nullptr,
                                                      nullptr, false, y.floats()),
               Error);
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  cudaGraphDestroy(graph);
}

TEST_F(CudaDevice, ABlockThatIsReleasedWhileRecordingGoesBackWhenTheRecordingEnds) {
  const TrackedBuffer x = upload(values(16, 1)), y = empty(16);
  std::optional<TrackedBuffer> earlier = upload(values(16, 2));
  testing::internal::CaptureStderr();
  const std::unique_ptr<RecordedWork> recorded = backend_->record([&] {
    earlier.reset();
    backend_->elementwise().axpy(16, 1.0f, x.floats(), {y.floats(), GradMode::kOverwrite});
  });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  recorded->replay();
  EXPECT_EQ(download(y), values(16, 1));
}

TEST_F(CudaDevice, TheFirstStepOfAnOptimizerMayBeARecordedOne) {
  struct Step {
    double square;
    float gradient, first, second, parameter, coefficient;
    AdamFactors factors;
  };
  // A step of 0.25 against the sign of the gradient.
  Step step{0, -3, 0, 0, 1, 0, {0, 1, 0, 1, 0.25f, 1, 0, 0}};
  const TrackedBuffer memory(*backend_, MemoryTag::kOther, sizeof step);
  backend_->copy_from_host(memory.data(), &step, sizeof step);
  auto* const there = memory.as<Step>();
  const OptimizerTensor tensor{
      1, 0, &there->gradient, &there->first, &there->second, &there->parameter};
  const std::unique_ptr<RecordedWork> recorded = backend_->record([&] {
    OptimizerKernels& kernels = backend_->optimizer();
    kernels.squared_norms({&tensor, 1}, &there->square);
    kernels.clip_gradients(1, &there->square, 100.0, &there->coefficient);
    kernels.adam_step({&tensor, 1}, &there->factors, &there->coefficient);
  });
  recorded->replay();
  backend_->copy_to_host(&step, memory.data(), sizeof step);
  EXPECT_EQ(step.square, 9.0);
  EXPECT_EQ(step.parameter, 1.25f);
}

TEST_F(CudaDevice, IdleMemoryOfRecordingsIsPoisonedBeforeAReplayButNotWhatOneLeavesToTheNext) {
  ASSERT_EQ(setenv("FROST_POISON_IDLE_MEMORY", "1", 1), 0);
  backend_ = std::make_unique<CudaBackend>();
  unsetenv("FROST_POISON_IDLE_MEMORY");
  constexpr std::int64_t kCount = 16;
  const TrackedBuffer x = upload(values(kCount, 1)), y = empty(kCount);
  const auto copy = [&](const TrackedBuffer& from, const TrackedBuffer& to) {
    backend_->elementwise().axpy(kCount, 1.0f, from.floats(), {to.floats(), GradMode::kOverwrite});
  };
  // What the first half leaves in the heap the second reads and releases.
  std::optional<TrackedBuffer> kept;
  const auto first = backend_->record([&] { copy(x, kept.emplace(empty(kCount))); });
  const auto second = backend_->record([&] {
    copy(*kept, y);
    kept.reset();
  });
  first->replay();
  second->replay();
  EXPECT_EQ(download(y), values(kCount, 1));

  // The same block again, now read by work that does not write it.
  const auto careless = backend_->record([&] { copy(empty(kCount), y); });
  first->replay();
  careless->replay();
  EXPECT_TRUE(std::isnan(download(y)[0]));
}

TEST_F(CudaDevice, ADryRunOfAConvolutionComputesNothing) {
  for (const MathMode math : {MathMode::kFp32, MathMode::kBf16}) {
    backend_->configure({math, true});
    const Layer layer = kLayers[2];
    const TrackedBuffer x = upload(values(layer.x(), 1)), w = upload(values(layer.w(), 2));
    const TrackedBuffer y = upload(values(layer.y(), 3)), dw = upload(values(layer.w(), 4));
    const auto peak_of = [&](bool dry) {
      backend_->set_dry_run(dry);
      backend_->ledger().reset_peaks();
      backend_->convolution().conv2d_forward(layer.s, x.floats(), {w.floats()}, nullptr, nullptr,
                                             true, y.floats());
      backend_->convolution().conv2d_backward_weight(layer.s, x.floats(), y.floats(),
                                                     {dw.floats(), GradMode::kAccumulate});
      backend_->set_dry_run(false);
      return backend_->ledger().snapshot().peak_total;
    };
    const std::int64_t dry = peak_of(true);
    EXPECT_EQ(download(y), values(layer.y(), 3));
    EXPECT_EQ(download(dw), values(layer.w(), 4));
    EXPECT_EQ(dry, peak_of(false));
    EXPECT_NE(download(y), values(layer.y(), 3));
  }
}

}  // namespace
}  // namespace frost
