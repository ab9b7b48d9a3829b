#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "kernels/backend_registry.h"
#include "kernels/cuda/module.h"
#include "kernels/errors.h"
#include "tests/op_table/op_cases.h"

namespace frost {
namespace {

const BackendStatus kNoDriver{"cuda", nullptr, "no NVIDIA driver is installed"};

template <class Thrown, class Fn>
std::string message_of(const Fn& fn) {
  try {
    fn();
  } catch (const Thrown& e) {
    return e.what();
  }
  return "nothing was thrown";
}

/// A folder that is removed with what it holds.
class Folder {
 public:
  explicit Folder(const std::string& name)
      : path_(std::filesystem::path(testing::TempDir()) / ("frost_" + name)) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(CudaRegistry, AutoFallsBackToTheCpuAndNamesTheCause) {
  std::string reason;
  EXPECT_EQ(&choose_backend("auto", kNoDriver, reason), &cpu_backend());
  EXPECT_EQ(reason, cpu_backend().description() + "; no CUDA: no NVIDIA driver is installed");
  EXPECT_EQ(reason.find('\n'), std::string::npos);
}

TEST(CudaRegistry, CudaIsAnErrorWhereItCannotBeHad) {
  std::string reason;
  EXPECT_EQ(message_of<Error>([&] { choose_backend("cuda", kNoDriver, reason); }),
            "device 'cuda' cannot be used: no NVIDIA driver is installed; use 'auto' or 'cpu'");
}

TEST(CudaRegistry, TestsFailWhereADeviceTheyAreToRunOnCannotBeUsed) {
  const char* const before = std::getenv("FROST_REQUIRE_DEVICES");
  const std::string kept = before == nullptr ? "" : before;
  setenv("FROST_REQUIRE_DEVICES", "cuda", 1);
  EXPECT_EQ(message_of<Error>([] { require_if_asked(kNoDriver); }),
            "FROST_REQUIRE_DEVICES asks for cuda, which cannot be used: no NVIDIA driver is "
            "installed");
  EXPECT_NO_THROW(require_if_asked({"cuda", &cpu_backend(), ""}));
  setenv("FROST_REQUIRE_DEVICES", kept.c_str(), 1);
  if (kept.empty()) {
    EXPECT_NO_THROW(require_if_asked(kNoDriver));
    unsetenv("FROST_REQUIRE_DEVICES");
  }
}

TEST(CudaRegistry, AutoTakesAUsableGpu) {
  std::string reason;
  const BackendStatus usable{"cuda", &cpu_backend(), ""};  // any backend will do to tell it by
  for (const char* device : {"auto", "cuda"}) {
    EXPECT_EQ(&choose_backend(device, usable, reason), &cpu_backend());
    EXPECT_EQ(reason.find("no CUDA"), std::string::npos);
  }
}

TEST(CudaRegistry, AnUnknownDeviceIsWrongUsage) {
  std::string reason;
  EXPECT_EQ(message_of<UsageError>([&] { select_backend("gpu", reason); }),
            "unknown device 'gpu': use auto, cpu or cuda");
}

TEST(CudaRegistry, AMissingModuleIsSaidToBeNotBuilt) {
  const Folder folder("no_module");
  const BackendStatus status = load_cuda_backend({folder.path(), folder.path() / "absent"});
  EXPECT_EQ(status.backend, nullptr);
  EXPECT_EQ(status.reason, "the CUDA module was not built (libfrost_cuda.so)");
}

TEST(CudaRegistry, AFileThatIsNoModuleIsRefusedWithTheLoadersWords) {
  const Folder folder("bad_module");
  std::ofstream(folder.path() / kCudaModuleFile) << "not a shared object";
  const BackendStatus status = load_cuda_backend({folder.path()});
  EXPECT_EQ(status.backend, nullptr);
  EXPECT_TRUE(status.reason.starts_with("libfrost_cuda.so: ")) << status.reason;
  EXPECT_EQ(status.reason.find(folder.path().string()), std::string::npos) << status.reason;
}

TEST(CudaRegistry, AMissingLibraryIsNamed) {
  EXPECT_EQ(shorten_loader_error("libcudnn.so.9: cannot open shared object file: No such file or "
                                 "directory",
                                 "/opt/frost/lib/libfrost_cuda.so"),
            "libcudnn.so.9 is missing");
  EXPECT_EQ(shorten_loader_error("/opt/frost/lib/libfrost_cuda.so: undefined symbol: cudnnCreate",
                                 "/opt/frost/lib/libfrost_cuda.so"),
            "libfrost_cuda.so: undefined symbol: cudnnCreate");
}

TEST(CudaRegistry, TheCpuComputesInFp32Only) {
  EXPECT_NO_THROW(cpu_backend().configure({MathMode::kFp32, false}));
  for (const MathMode math : {MathMode::kTf32, MathMode::kBf16}) {
    EXPECT_EQ(message_of<UsageError>([&] {
                cpu_backend().configure({math, true});
              }),
              std::string("precision ") + to_string(math) +
                  " needs device cuda: the CPU computes in fp32");
  }
  EXPECT_EQ(cpu_backend().kernel_report(), "");
}

TEST(CudaRegistry, EveryBackendIsListedWithTheReasonWhereItCannotBeUsed) {
  const std::vector<BackendStatus> backends = available_backends();
  ASSERT_EQ(backends.size(), 2U);
  EXPECT_EQ(backends[0].device, "cpu");
  EXPECT_EQ(backends[0].backend, &cpu_backend());
  EXPECT_EQ(backends[1].device, "cuda");
  EXPECT_EQ(backends[1].backend == nullptr, !backends[1].reason.empty()) << backends[1].reason;
}

}  // namespace
}  // namespace frost
