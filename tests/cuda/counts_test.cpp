#include "kernels/counts/device_count_fields.h"
#include "tests/cuda/device_fixture.h"

// What the device was asked to do is counted, each kind once, with the bytes of the definition.
namespace frost {
namespace {

constexpr std::int64_t kFloat = sizeof(float);

class CudaCounts : public CudaDevice {
 protected:
  /// What `work` adds to the counts.
  template <class Work>
  DeviceCounts counted(const Work& work) {
    const DeviceCounts before = *backend_->counts();
    work();
    DeviceCounts after = *backend_->counts();
    return after -= before;
  }
};

TEST_F(CudaCounts, CopiesAndFillsHaveTheirBytesAndOnlyDownloadsWait) {
  const TrackedBuffer a = upload(values(16, 1)), b = empty(16);
  std::vector<float> host(16);
  DeviceCounts expected;
  expected.uploads = 1;
  expected.bytes_uploaded = 16 * kFloat;
  EXPECT_EQ(counted([&] { backend_->copy_from_host(a.data(), host.data(), a.bytes()); }), expected);
  expected = {};
  expected.downloads = 1;
  expected.bytes_downloaded = 16 * kFloat;
  expected.waits = 1;
  EXPECT_EQ(counted([&] { backend_->copy_to_host(host.data(), a.data(), a.bytes()); }), expected);
  expected = {};
  expected.copies = expected.fills = 1;
  expected.bytes_read = 8 * kFloat;
  expected.bytes_written = 24 * kFloat;
  EXPECT_EQ(counted([&] {
              backend_->copy(b.data(), a.data(), 8 * kFloat);
              backend_->fill_zero(b.data(), b.bytes());
              backend_->copy(b.data(), a.data(), 0);  // nothing is asked for
            }),
            expected);
}

TEST_F(CudaCounts, UploadsWaitWhereTheyAreLargeOrMany) {
  const std::vector<float> most = values(1 << 20, 1), more = values((1 << 20) + 1, 2);
  const TrackedBuffer a = empty(1 << 20), b = empty((1 << 20) + 1), c = upload({1, 2, 3});
  download(c);  // nothing is on its way
  const auto put = [&](const TrackedBuffer& to, const std::vector<float>& from) {
    backend_->copy_from_host(to.data(), from.data(), from.size() * sizeof(float));
  };
  EXPECT_EQ(counted([&] { put(a, most); }).waits, 0);
  EXPECT_EQ(counted([&] { put(c, {4, 5, 6}); }).waits, 1) << "for room";
  EXPECT_EQ(counted([&] { put(c, {7, 8, 9}); }).waits, 0);
  EXPECT_EQ(counted([&] { put(b, more); }).waits, 1) << "from where it lies";
  EXPECT_EQ(download(a), most);
  EXPECT_EQ(download(b), more);
  EXPECT_EQ(download(c), (std::vector<float>{7, 8, 9}));
  EXPECT_THROW(backend_->record([&] { put(c, {1, 1, 1}); }), Error);
  EXPECT_EQ(download(c), (std::vector<float>{7, 8, 9}));
}

TEST_F(CudaCounts, AKernelDeclaresEachByteOnce) {
  const TrackedBuffer x = upload(values(12, 1)), y = upload(values(12, 2)), bits = empty(1);
  DeviceCounts expected;
  expected.kernels = 2;
  expected.bytes_read = (12 + 2 * 12) * kFloat;  // where it accumulates, what is there too
  expected.bytes_written = 2 * 12 * kFloat;
  EXPECT_EQ(counted([&] {
              for (const GradMode mode : {GradMode::kOverwrite, GradMode::kAccumulate}) {
                backend_->elementwise().axpy(12, 1.0f, x.floats(), {y.floats(), mode});
              }
            }),
            expected);
  expected = {};
  expected.kernels = 1;
  expected.bytes_read = 12 * kFloat;
  expected.bytes_written = sizeof(std::uint32_t);
  EXPECT_EQ(
      counted([&] { backend_->elementwise().sign_bits(12, x.floats(), bits.as<std::uint32_t>()); }),
      expected);
}

TEST_F(CudaCounts, ALibrarysCallIsPlannedOnceAndHasItsMultiplications) {
  const TrackedBuffer a = upload(values(6, 1)), b = upload(values(12, 2)), c = empty(8);
  const auto product = [&] {
    backend_->matrix().gemm(false, false, 2, 4, 3, a.floats(), 3, b.floats(), 4,
                            {c.floats(), GradMode::kOverwrite}, 4);
  };
  DeviceCounts expected;
  expected.library = expected.plans = 1;
  expected.multiplications = 2 * 4 * 3;
  expected.bytes_read = (6 + 12) * kFloat;
  expected.bytes_written = 8 * kFloat;
  EXPECT_EQ(counted(product), expected);
  expected.plans = 0;
  EXPECT_EQ(counted(product), expected);
}

TEST_F(CudaCounts, AConvolutionCountsOperandsAndResultInTheirPrecision) {
  const Layer layer = kLayers[2];
  const TrackedBuffer x = upload(values(layer.x(), 1)), w = upload(values(layer.w(), 2));
  const TrackedBuffer y = empty(layer.y());
  const auto forward = [&] {
    backend_->convolution().conv2d_forward(layer.s, x.floats(), {w.floats()}, nullptr, nullptr,
                                           false, y.floats());
  };
  DeviceCounts fp32 = counted(forward);
  EXPECT_EQ(fp32.library, 1);
  EXPECT_EQ(fp32.kernels, 0);
  EXPECT_EQ(fp32.multiplications, layer.y() * 3 * 3 * 64);
  EXPECT_EQ(fp32.bytes_moved(), (layer.x() + layer.w() + layer.y()) * kFloat);
  backend_->configure({MathMode::kBf16, true});
  const DeviceCounts bf16 = counted(forward);
  EXPECT_EQ(bf16.library, 1);
  EXPECT_EQ(bf16.kernels, 3) << "both operands are rounded, the result is widened";
  EXPECT_EQ(bf16.multiplications, fp32.multiplications);
  // Rounding reads 4 bytes and writes 2, the call moves 2, widening reads 2 and writes 4.
  EXPECT_EQ(bf16.bytes_moved(), (layer.x() + layer.w() + layer.y()) * (4 + 2 + 2));
}

TEST_F(CudaCounts, RecordedWorkCountsWhenItIsReplayed) {
  const TrackedBuffer x = upload(values(12, 1)), y = upload(values(12, 2));
  const auto work = [&] {
    backend_->fill_zero(y.data(), y.bytes());
    backend_->elementwise().axpy(12, 1.0f, x.floats(), {y.floats(), GradMode::kAccumulate});
  };
  std::unique_ptr<RecordedWork> recorded;
  EXPECT_EQ(counted([&] { recorded = backend_->record(work); }), DeviceCounts());
  DeviceCounts expected = counted(work);
  EXPECT_EQ(expected.launches(), 2);
  expected.graphs = 1;
  expected.nodes = 2;
  const DeviceCounts replayed = counted([&] { recorded->replay(); });
  EXPECT_EQ(replayed, expected);
  EXPECT_EQ(replayed.launches(), 1);
  EXPECT_THROW(backend_->record([&] {
    work();
    download(x);
  }),
               Error);
  EXPECT_EQ(counted(work).launches(), 2)
      << "a recording that failed leaves the counts to the device";
}

}  // namespace
}  // namespace frost
