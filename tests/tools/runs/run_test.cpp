#include "tools/runs/run.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <thread>

#include "kernels/errors.h"
#include "tests/engine/errors.h"
#include "tests/weights/weight_file_helpers.h"
#include "tools/runs/resume_rules.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

/// A checkpoint that says so many updates.
SafetensorsFile state_after(int updates) {
  SafetensorsFile state;
  state.tensors["x"] = HostTensor::from_floats({2}, {1, static_cast<float>(updates)});
  state.metadata = {
      {"format", kCheckpointFormat}, {"config", "{}"}, {"updates", std::to_string(updates)}};
  return state;
}

void damage(const fs::path& file) {
  fs::resize_file(file, fs::file_size(file) - 1);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

class RunTest : public testing::Test {
 protected:
  test::TemporaryFolder holder_;
  fs::path path_ = holder_ / "0001";
};

TEST_F(RunTest, BothWaysOnAgreeOnWhatIsARun) {
  const auto create = [&] { frost::Run::create(path_, "{}"); };
  const auto open = [&] { frost::Run::open(path_); };
  EXPECT_TRUE(contains(error_of(open), "begin one: train CONFIG --out " + path_.string()));
  fs::create_directories(path_);
  std::ofstream(path_ / "notes.txt") << "a folder without a run may be taken";
  EXPECT_TRUE(contains(error_of(open), "holds no run to resume"));
  EXPECT_NO_THROW(create());
  EXPECT_TRUE(contains(error_of(create), "go on with it: train --resume " + path_.string()));
  EXPECT_NO_THROW(open());
}

TEST_F(RunTest, HasOneWriter) {
  {
    const frost::Run writer = frost::Run::create(path_, "{}");
    const std::string held = "is being written by process " + std::to_string(::getpid());
    EXPECT_TRUE(contains(error_of([&] { frost::Run::open(path_); }), held));
    EXPECT_TRUE(contains(error_of([&] { frost::Run::create(path_, "{}"); }), held));
  }
  EXPECT_NO_THROW(frost::Run::open(path_));
}

TEST_F(RunTest, ThoseThatBeginTogetherGetFoldersOfTheirOwn) {
  constexpr std::size_t kRuns = 8;
  std::vector<std::string> taken(kRuns);
  std::vector<std::thread> threads;
  for (std::string& name : taken) {
    threads.emplace_back(
        [&] { name = frost::Run::create_numbered(holder_ / "", "{}").path().filename(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(taken.begin(), taken.end()).size(), kRuns);
  EXPECT_EQ(*std::max_element(taken.begin(), taken.end()), "0008");
}

TEST_F(RunTest, ARemovedFolderStaysRemoved) {
  const frost::Run run = frost::Run::create(path_, "{}");
  fs::remove_all(path_);
  EXPECT_TRUE(contains(error_of([&] { run.write_last(state_after(1)); }), "was removed"));
  EXPECT_TRUE(contains(error_of([&] { run.write_status({}); }), "was removed"));
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(RunTest, AFolderInItsPlaceIsAnothersToWriteIn) {
  const frost::Run run = frost::Run::create(path_, "{}");
  fs::remove_all(path_);
  const frost::Run other = frost::Run::create(path_, "other: {}");
  EXPECT_TRUE(contains(error_of([&] { run.write_config("{}"); }), "was removed or replaced"));
  EXPECT_TRUE(contains(error_of([&] { run.require_folder(); }), "was removed or replaced"));
  EXPECT_EQ(other.config(), "other: {}");
}

TEST_F(RunTest, ACheckpointAloneIsARunAndATableAloneIsNone) {
  fs::create_directories(path_);
  std::ofstream(path_ / "metrics.csv") << "mine\n";
  EXPECT_TRUE(contains(error_of([&] { frost::Run::create(path_, "{}"); }), "choose another --out"));
  EXPECT_TRUE(contains(error_of([&] { frost::Run::open(path_); }), "holds no run to resume"));
  CheckpointFolder(path_).write_last(state_after(1));
  EXPECT_TRUE(contains(error_of([&] { frost::Run::create(path_, "{}"); }), "go on with it"));
  EXPECT_NO_THROW(frost::Run::open(path_));
}

class CheckpointFolderTest : public RunTest {
 protected:
  std::int64_t read_updates() {
    note_.clear();
    return folder_.read_last(note_).updates;
  }
  CheckpointFolder folder_{path_};
  std::string note_;
};

TEST_F(CheckpointFolderTest, KeepsTheOneBefore) {
  EXPECT_FALSE(folder_.has_last());
  folder_.write_last(state_after(1));
  folder_.write_last(state_after(2));
  EXPECT_EQ(read_updates(), 2);
  EXPECT_NO_THROW(read_checkpoint(folder_.last()).require_resumable());
  EXPECT_EQ(note_, "");
  EXPECT_EQ(read_checkpoint(folder_.previous()).updates, 1);
}

TEST_F(CheckpointFolderTest, GoesOnFromTheOneBeforeWhereTheNewestIsDamagedOrMissing) {
  folder_.write_last(state_after(1));
  folder_.write_last(state_after(2));
  damage(folder_.last());
  EXPECT_EQ(read_updates(), 1);
  EXPECT_TRUE(contains(note_, "last.safetensors") && contains(note_, "taken instead: ")) << note_;
  fs::remove(folder_.last());
  EXPECT_TRUE(folder_.has_last());
  EXPECT_EQ(read_updates(), 1);
  damage(folder_.previous());
  EXPECT_THROW(read_updates(), Error);
}

TEST_F(CheckpointFolderTest, ADamagedNewestOneDoesNotTakeThePlaceOfTheGoodOneBefore) {
  folder_.write_last(state_after(1));
  folder_.write_last(state_after(2));
  damage(folder_.last());
  EXPECT_EQ(read_updates(), 1);
  folder_.put_damaged_last_aside();
  fs::create_directory(folder_.last());  // so that writing fails
  EXPECT_THROW(folder_.write_last(state_after(3)), Error);
  EXPECT_EQ(read_checkpoint(folder_.previous()).updates, 1);
  fs::remove(folder_.last());
  folder_.write_last(state_after(3));
  EXPECT_EQ(read_updates(), 3);
  EXPECT_EQ(read_checkpoint(folder_.previous()).updates, 1);
}

TEST_F(CheckpointFolderTest, ADamagedFirstOneIsRefused) {
  folder_.write_last(state_after(1));
  damage(folder_.last());
  EXPECT_TRUE(contains(error_of([&] { read_updates(); }), "last.safetensors"));
}

TEST_F(CheckpointFolderTest, OtherVersionsAreNamed) {
  const auto error_with = [&](const std::string& key, const std::string& value) {
    SafetensorsFile state = state_after(1);
    state.metadata["version"] = "7.1";
    state.metadata[key] = value;
    if (value.empty()) state.metadata.erase(key);
    folder_.write_last(state);
    return error_of([&] { read_updates(); });
  };
  const std::string newer = error_with("format", "frostline.checkpoint.12");
  EXPECT_TRUE(contains(newer, "written by version 7.1")) << newer;
  EXPECT_TRUE(contains(newer, "reads up to " + std::string(kCheckpointFormat))) << newer;
  EXPECT_TRUE(contains(error_with("format", "frostline.checkpoint.1"), "train again"));
  EXPECT_TRUE(contains(error_with("format", "pt"), "its format is 'pt'"));
  EXPECT_TRUE(contains(error_with("format", ""), "have no 'format'"));
  EXPECT_TRUE(contains(error_with("updates", "-3"), "'updates' is no count"));
}

TEST_F(CheckpointFolderTest, TheFormatBeforeIsReadButNotGoneOnWith) {
  SafetensorsFile state = state_after(4);
  state.metadata["format"] = "frostline.checkpoint.2";
  folder_.write_last(state);
  const Checkpoint old = folder_.read_last(note_);
  EXPECT_EQ(old.updates, 4);
  EXPECT_TRUE(
      contains(error_of([&] { old.require_resumable(); }), "can be evaluated and exported"));
}

TEST_F(CheckpointFolderTest, WhatAKilledProcessLeftIsRemoved) {
  frost::Run::create(path_, "{}");
  folder_.write_last(state_after(1));
  fs::create_directory(path_ / "failures");
  std::ofstream(path_ / "failures/update-3.safetensors.123-1.tmp") << "half";
  std::ofstream(path_ / "checkpoints/last.safetensors.123-1.tmp") << "half";
  frost::Run::open(path_);
  EXPECT_EQ(std::distance(fs::directory_iterator(path_ / "checkpoints"), {}), 1);
  EXPECT_TRUE(fs::is_empty(path_ / "failures"));
}

class ResumeRules : public testing::Test {
 protected:
  static Config config(std::vector<std::string> overrides) {
    overrides.insert(overrides.begin(), "system.device=cpu");
    return parse_config("environment: {name: CartPole-v1}\n", "x.yaml", overrides);
  }
  static std::string refusal(const std::vector<std::string>& own,
                             const std::vector<std::string>& asked) {
    return error_of([&] { resumed_config(config(own), config(asked), "runs/0001"); });
  }
};

TEST_F(ResumeRules, ASettingThatDiffersIsRefusedByName) {
  const std::string error = refusal({"algorithm.gamma=0.9"}, {"system.seed=3"});
  EXPECT_TRUE(contains(error, "runs/0001 was begun with other settings")) << error;
  EXPECT_TRUE(contains(error, "algorithm.gamma is 0.9, not 0.99")) << error;
  EXPECT_TRUE(contains(error, "system.seed is 0, not 3")) << error;
  EXPECT_TRUE(contains(error, "train --resume runs/0001 needs no others")) << error;
}

TEST_F(ResumeRules, AFewMayChange) {
  const Config own = config({"algorithm.gamma=0.9"});
  const Config asked =
      config({"algorithm.gamma=0.9", "system.threads=3", "trainer.checkpoint_every=7"});
  const Config resumed = resumed_config(own, asked, "run");
  EXPECT_EQ(resumed.system.threads, 3);
  EXPECT_EQ(resumed.run.checkpoint_every, 7);
}

TEST_F(ResumeRules, TheLengthMayChangeWhereNoRateDependsOnIt) {
  const std::string constant = "algorithm.lr_schedule.kind=constant",
                    longer = "algorithm.total_updates=77";
  EXPECT_TRUE(contains(refusal({constant}, {constant, "system.seed=3"}),
                       "evaluation.every, algorithm.total_updates"));
  EXPECT_EQ(resumed_config(config({constant}), config({constant, longer}), "r").ppo.total_updates,
            77);
  const std::string cosine = "algorithm.lr_schedule.kind=cosine";
  EXPECT_TRUE(contains(refusal({cosine}, {cosine, longer}), "algorithm.total_updates"));
}

}  // namespace
}  // namespace frost
