#include "kernels/available_cpus.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace frost {
namespace {

namespace fs = std::filesystem;

/// A made-up root folder with control groups.
class CpuQuota : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root_); }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }
  void write_v1(const std::string& group, const std::string& quota, const std::string& period) {
    write("sys/fs/cgroup/" + group + "/cpu.cfs_quota_us", quota);
    write("sys/fs/cgroup/" + group + "/cpu.cfs_period_us", period);
  }
  std::optional<std::int64_t> quota() const { return cpu_quota(root_); }

 private:
  fs::path root_ = fs::temp_directory_path() / ("frost_cpu_quota_" + std::to_string(getpid()));
};

TEST_F(CpuQuota, NoFilesAreNoLimit) {
  EXPECT_EQ(quota(), std::nullopt);
  write("proc/self/cgroup", "0::/");
  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(CpuQuota, Version2RoundsUp) {
  write("proc/self/cgroup", "0::/jobs/one");
  const std::string file = "sys/fs/cgroup/jobs/one/cpu.max";
  write(file, "max 100000");
  EXPECT_EQ(quota(), std::nullopt);
  write(file, "200000 100000");
  EXPECT_EQ(quota(), 2);
  write(file, "150000 100000");
  EXPECT_EQ(quota(), 2);
  write(file, "1000 100000");
  EXPECT_EQ(quota(), 1);
}

TEST_F(CpuQuota, TheLeastLimitOnTheWayToTheRootHolds) {
  write("proc/self/cgroup", "0::/jobs/one");
  write("sys/fs/cgroup/jobs/one/cpu.max", "800000 100000");
  write("sys/fs/cgroup/jobs/cpu.max", "300000 100000");
  write("sys/fs/cgroup/jobs/other/cpu.max", "100000 100000");
  EXPECT_EQ(quota(), 3);
  write("sys/fs/cgroup/jobs/cpu.max", "max 100000");
  EXPECT_EQ(quota(), 8);
  write("sys/fs/cgroup/cpu.max", "50000 10000");
  EXPECT_EQ(quota(), 5);
}

TEST_F(CpuQuota, AContainerSeesItsGroupAtTheRoot) {
  write("proc/self/cgroup", "0::/../../docker/0123");
  write("sys/fs/cgroup/cpu.max", "400000 100000");
  EXPECT_EQ(quota(), 4);
}

TEST_F(CpuQuota, Version1) {
  write("proc/self/cgroup",
        "5:memory:/m\n4:cpu,cpuacct:/docker/0123\n3:cpuset:/\n1:name=systemd:/");
  write_v1("cpu,cpuacct/docker/0123", "-1", "100000");
  EXPECT_EQ(quota(), std::nullopt);
  write_v1("cpu,cpuacct/docker/0123", "250000", "100000");
  EXPECT_EQ(quota(), 3);
  write_v1("cpu/docker", "200000", "100000");
  EXPECT_EQ(quota(), 2);
  write_v1("cpuset", "100000", "100000");
  EXPECT_EQ(quota(), 2);
}

TEST_F(CpuQuota, BothVersions) {
  write("proc/self/cgroup", "2:cpu:/a\n0::/b");
  write_v1("cpu/a", "300000", "100000");
  write("sys/fs/cgroup/b/cpu.max", "600000 100000");
  EXPECT_EQ(quota(), 3);
}

TEST_F(CpuQuota, DamagedFilesAreNoLimit) {
  write("proc/self/cgroup", "nonsense\n0:/\n\n0::/x\n2:cpu:/y");
  write_v1("cpu/y", "100000", "0");
  for (const char* text :
       {"", "x y", "100000", "100000 0", "-1 100000", "nan nan", "1e300 1e-300"}) {
    write("sys/fs/cgroup/x/cpu.max", text);
    EXPECT_EQ(quota(), std::nullopt) << text;
  }
}

TEST(AvailableCpus, AtLeastOne) {
  EXPECT_GE(available_cpus(), 1);
}

}  // namespace
}  // namespace frost
