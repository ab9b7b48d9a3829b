#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "kernels/backend_registry.h"
#include "models/resnet.h"
#include "tests/golden_files.h"
#include "tests/program_path.h"
#include "tests/text_files.h"
#include "tests/weights/weight_file_helpers.h"
#include "weights/safetensors.h"

// Runs the built programs.
namespace frost {

namespace fs = std::filesystem;

inline std::string config_path(const std::string& name) {
  return source_path(name).string();
}

struct Outcome {
  int status = -1;  ///< exit status; -1 where a signal ended the program
  std::string out, err;
};

/// A working folder without weights, and programs run in it with one thread.
class ProgramsTest : public ::testing::Test {
 protected:
  Outcome run(const std::string& program, const std::vector<std::string>& arguments) const {
    std::string command = "cd '" + folder_.string() + "' && FROST_DATA= OMP_NUM_THREADS=1 " +
                          environment_ + " '" + program_path(program).string() + "'";
    for (const std::string& argument : arguments) command += " '" + argument + "'";
    command += " > '" + out_.string() + "' 2> '" + err_.string() + "'";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(out_), read_text(err_)};
  }

  /// Expects one line that begins with "error:" and holds `part`, `status`, and nothing left behind
  /// in the working folder besides what was there.
  void expect_refusal(const std::string& program, const std::vector<std::string>& arguments,
                      int status, const std::string& part) const {
    SCOPED_TRACE(program + " " + (arguments.empty() ? "" : arguments[0]));
    const auto before = std::distance(fs::recursive_directory_iterator(folder_), {});
    const Outcome outcome = run(program, arguments);
    EXPECT_EQ(outcome.status, status);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("error: ")) << outcome.err;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    EXPECT_EQ(std::distance(fs::recursive_directory_iterator(folder_), {}), before);
  }

  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }

  /// A loadable ResNet blob with random weights; `damage` may change it first.
  std::string write_blob(const std::string& name,
                         const std::function<void(StateDict&)>& damage = {}, int depth = 18,
                         std::int64_t classes = 1000) const {
    ResNetClassifier network(cpu_backend(), depth, classes);
    RandomStream random(1, StreamPurpose::kInit);
    network.body.initialize(random);
    SafetensorsFile blob{network.body.torchvision_state_dict(), {}};
    blob.tensors["fc.weight"] =
        HostTensor::from_floats(network.fc.weight.shape(), network.fc.weight.to_host());
    blob.tensors["fc.bias"] = HostTensor::from_floats(
        network.fc.bias.shape(), std::vector<float>(static_cast<std::size_t>(classes), 0.5f));
    if (damage) damage(blob.tensors);
    write_safetensors(folder_ / name, blob);
    return (folder_ / name).string();
  }

  std::vector<std::string> train_with_weights(const std::string& weights) const {
    return {config_path("configs/tiny.yaml"), "--set", "actor_critic.pretrained_weights=imagenet",
            "--set", "actor_critic.weights_path=" + weights};
  }

  std::string environment_;  ///< more of it, "NAME=VALUE ..."
  test::TemporaryFolder holder_;
  fs::path folder_ = make_folder(holder_ / "work");
  fs::path out_ = holder_ / "out", err_ = holder_ / "err";
  const std::string tiny_ = config_path("configs/tiny.yaml");

 private:
  static fs::path make_folder(const fs::path& path) {
    fs::create_directory(path);
    return path;
  }
};

}  // namespace frost
