#include "tests/tools/programs_fixture.h"
#include "tools/images/image_encoders.h"

namespace frost {
namespace {

/// What infer takes of a folder.
class InferFolder : public ProgramsTest {
 protected:
  void add(const std::string& name, const std::string& content) const {
    fs::create_directories((folder_ / name).parent_path());
    write(name, content);
  }
  void add_picture(const std::string& name) const {
    add(name, encode_png({2, 2, std::vector<std::uint8_t>(12, 99)}));
  }
  Outcome infer(const std::string& folder) const {
    return run("infer", {weights_, folder, "--top", "1"});
  }

  const std::string weights_ = write_blob("blob.safetensors");
};

TEST_F(InferFolder, HiddenFilesAreNoPictures) {
  add_picture("in/a.png");
  add("in/._a.png", "of the file system of another machine");
  add("in/.hidden", "");
  const Outcome outcome = infer("in");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 2) << outcome.out;
}

TEST_F(InferFolder, WhatElseIsInItIsSkippedWithANote) {
  add_picture("in/a.PNG");
  add("in/README.txt", "");
  add("in/x.npy", "");
  add_picture("in/more.png/b.png");
  const Outcome outcome = infer("in");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err,
            "note: in: skipped 1 folder and 2 other files, taking .jpg, .jpeg and .png files\n");
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 2) << outcome.out;
}

TEST_F(InferFolder, WithoutPicturesItSaysWhatIsThere) {
  add_picture("nested/2024/a.png");
  add("texts/a.txt", "");
  fs::create_directory(folder_ / "empty");
  add("hidden/.a.png", "");
  const std::string none = " holds no .jpg, .jpeg or .png file";
  expect_refusal("infer", {weights_, "nested"}, 1,
                 "nested" + none + ", but 1 folder: name the folders themselves\n");
  expect_refusal("infer", {weights_, "texts"}, 1, "texts" + none + ", but 1 other file\n");
  expect_refusal("infer", {weights_, "empty"}, 1, "empty" + none + "\n");
  expect_refusal("infer", {weights_, "hidden"}, 1, "hidden" + none + "\n");
}

TEST_F(InferFolder, WeightsOfAStemForOneChannelAreRefusedByWhatMakesThem) {
  const std::string grey = write_blob("grey.safetensors", [](StateDict& tensors) {
    tensors["conv1.weight"] =
        HostTensor::from_floats({64, 1, 7, 7}, std::vector<float>(64 * 49, 0.1f));
  });
  add_picture("in/a.png");
  expect_refusal("infer", {grey, "in"}, 1, "as runs with input_adapter: 1ch_conv make it");
  expect_refusal("train", train_with_weights(grey), 1,
                 "set actor_critic.backbone.input_adapter to 1ch_conv, it is repeat3");
  std::vector<std::string> fitting = train_with_weights(grey);
  for (const char* word : {"--set", "actor_critic.backbone.input_adapter=1ch_conv", "--out", "run",
                           "--stop-after", "1", "--quiet"}) {
    fitting.push_back(word);
  }
  EXPECT_EQ(run("train", fitting).status, 0);
}

}  // namespace
}  // namespace frost
