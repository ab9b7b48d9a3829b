#include "rl/communicator/join.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "kernels/errors.h"
#include "tests/text_files.h"
#include "tests/weights/weight_file_helpers.h"

namespace frost {
namespace {

Variables variables(const std::map<std::string, std::string>& values) {
  return [values](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  };
}

TEST(StartedProcesses, AreCountedAsEveryLauncherSaysIt) {
  EXPECT_EQ(started_processes(variables({})), 1);
  EXPECT_EQ(started_processes(variables({{"OMPI_COMM_WORLD_SIZE", "4"}})), 4);
  EXPECT_EQ(started_processes(variables({{"PMI_SIZE", "2"}, {"PMI_RANK", "1"}})), 2);
  EXPECT_EQ(started_processes(variables({{"PMIX_RANK", "0"}, {"SLURM_NTASKS", "8"}})), 8);
  // What a script of sbatch sees.
  EXPECT_EQ(started_processes(variables({{"SLURM_NTASKS", "8"}})), 1);
  EXPECT_EQ(started_processes(variables({{"OMPI_COMM_WORLD_SIZE", "nonsense"}})), 1);
}

std::string refusal(const std::string& processes,
                    const std::vector<std::filesystem::path>& folders) {
  try {
    join_processes(variables({{"OMPI_COMM_WORLD_SIZE", processes}}), folders);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(JoinProcesses, NeedsNoModuleForOne) {
  EXPECT_EQ(join_processes(variables({}), {})->size(), 1);
  EXPECT_EQ(join_processes(variables({{"OMPI_COMM_WORLD_SIZE", "1"}}), {})->size(), 1);
}

TEST(JoinProcesses, SaysWhyItCannot) {
  EXPECT_NE(refusal("4", {}).find("4 processes were started together, but MPI cannot be used: its "
                                  "module was not built (libfrost_mpi.so)"),
            std::string::npos)
      << refusal("4", {});
  EXPECT_NE(refusal("3", {}).find("a power of two"), std::string::npos);
  const test::TemporaryFolder folder;
  write_text(folder / "libfrost_mpi.so", "no library");
  EXPECT_NE(refusal("2", {folder / "."}).find("libfrost_mpi.so"), std::string::npos);
}

}  // namespace
}  // namespace frost
