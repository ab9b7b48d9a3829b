#pragma once

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <set>
#include <string_view>
#include <utility>

#include "engine/io/protobuf.h"
#include "tests/tools/programs_fixture.h"

// Runs that are disturbed, against one of the same kind that was not.
namespace frost {

/// A number of the long form (tools/torture.sh), or `otherwise`.
inline long torture(const char* name, long otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atol(text);
}

inline bool long_form() {
  return std::getenv("FROST_TORTURE_SECONDS") != nullptr;
}

/// A kind of run, of few small updates.
struct Workload {
  const char* name;
  const char* config;
  std::vector<std::string> settings;

  friend std::ostream& operator<<(std::ostream& out, const Workload& workload) {
    return out << workload.name;
  }
};

inline std::string workload_name(const testing::TestParamInfo<Workload>& info) {
  return info.param.name;
}

inline Workload vector_workload() {
  return {"Vector",
          "configs/reference/cartpole.yaml",
          {"trainer.rollout_steps=64", "trainer.minibatch_size=32", "trainer.update_epochs=1",
           "actor_critic.mlp_hidden=[8,8]", "evaluation.episodes=1"}};
}

inline Workload graph_workload() {
  return {"Graph",
          "configs/tiny.yaml",
          {"trainer.rollout_steps=4", "trainer.minibatch_size=4", "trainer.update_epochs=1",
           "evaluation.episodes=1", "environment.max_steps=4", "environment.init_num_nodes=2"}};
}

/// Pictures; each update trains another part of the bodies than the one before.
inline Workload schedule_workload() {
  return {"FreezeSchedule",
          "configs/tiny.yaml",
          {"trainer.rollout_steps=8", "trainer.minibatch_size=4", "trainer.update_epochs=1",
           "evaluation.episodes=1", "environment.max_steps=4", "observation.kind=image",
           "observation.image_size=24",
           "actor_critic.backbone.freeze_schedule=[{update: 1, freeze_mode: bn_affine, "
           "backbone_lr: 1e-4}, {update: 2, freeze_mode: layer4.1, backbone_lr: 1e-4}, "
           "{update: 3, freeze_mode: all, backbone_lr: 1e-4}, "
           "{update: 4, freeze_mode: bn_affine, backbone_lr: 1e-5}]"}};
}

inline Workload picture_workload() {
  Workload workload = schedule_workload();
  workload.name = "Image";
  workload.settings.pop_back();
  return workload;
}

/// The cases that are tried of so many: `few`, evenly spread, or in the long form all, in an order
/// drawn from the seed, until its time is over: one of `parts` of the test's.
class Cases {
 public:
  Cases(std::size_t total, std::size_t few, int parts = 1)
      : total_(total),
        end_(std::chrono::steady_clock::now() +
             std::chrono::milliseconds(1000 * torture("FROST_TORTURE_SECONDS", 0) / parts)) {
    const std::size_t step = long_form() ? 1 : std::max<std::size_t>(1, total / few);
    for (std::size_t i = step / 2; i < total; i += step) left_.push_back(i);
    if (!long_form()) return;
    std::mt19937_64 random(static_cast<std::uint64_t>(torture("FROST_TORTURE_SEED", 1)));
    std::shuffle(left_.begin(), left_.end(), random);
  }

  bool next(std::size_t& at) {
    const bool late = long_form() && std::chrono::steady_clock::now() > end_;
    if (left_.empty() || late) return false;
    at = left_.back();
    left_.pop_back();
    ++tried_;
    return true;
  }

  /// The last one was not tried.
  void leave_out() { --tried_; }

  /// A line for the summary of the long form.
  void report(const std::string& what) const {
    std::cout << "torture: " << what << ": " << tried_ << " of " << total_ << "\n";
  }

 private:
  std::size_t total_, tried_ = 0;
  std::vector<std::size_t> left_;
  std::chrono::steady_clock::time_point end_;
};

class DisturbedRuns : public ProgramsTest, public testing::WithParamInterface<Workload> {
 protected:
  fs::path path_of(const std::string& run) const { return fs::canonical(folder_) / run; }

  std::vector<std::string> arguments(const std::string& run, int updates) const {
    std::vector<std::string> words = {config_path(GetParam().config), "--quiet", "--out",
                                      path_of(run).string()};
    std::vector<std::string> settings = GetParam().settings;
    for (const std::string& setting :
         {"algorithm.total_updates=" + std::to_string(updates), std::string("evaluation.every=1"),
          std::string("trainer.checkpoint_every=1")}) {
      settings.push_back(setting);
    }
    for (const std::string& setting : settings) {
      words.push_back("--set");
      words.push_back(setting);
    }
    return words;
  }

  bool begun(const std::string& run) const { return fs::exists(path_of(run) / "config.yaml"); }

  /// What goes on with the run, or begins it where it has not begun.
  std::vector<std::string> next_arguments(const std::string& run, int updates) const {
    if (!begun(run)) return arguments(run, updates);
    return {"--resume", path_of(run).string(), "--quiet"};
  }

  /// The run has what `whole` has, once, and nothing half-written.
  void expect_as_undisturbed(const std::string& whole, const std::string& run) const {
    for (const char* file : {"metrics.csv", "evaluations.csv", "episodes.csv",
                             "checkpoints/last.safetensors", "checkpoints/best.safetensors"}) {
      if (!fs::exists(path_of(whole) / file)) continue;  // no episode ended
      EXPECT_TRUE(read_text(path_of(whole) / file) == read_text(path_of(run) / file))
          << file << " differs";
    }
    for (const auto& entry : fs::recursive_directory_iterator(path_of(run))) {
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
    }
    EXPECT_EQ(nlohmann::json::parse(read_text(path_of(run) / "run.json"))["state"], "finished");
    expect_one_value_per_tag_and_step(run);
  }

  std::multiset<std::int64_t> steps_in_the_table(const std::string& run) const;
  /// Step and tags of every event with scalars in TensorBoard's files, whose records must be whole.
  std::vector<std::pair<std::int64_t, std::vector<std::string>>> scalars_on_the_board(
      const std::string& run) const;
  void expect_one_value_per_tag_and_step(const std::string& run) const;
};

inline std::multiset<std::int64_t> DisturbedRuns::steps_in_the_table(const std::string& run) const {
  std::multiset<std::int64_t> steps;
  std::istringstream table(read_text(path_of(run) / "metrics.csv"));
  std::string line, name;
  std::getline(table, line);
  std::size_t column = 0;
  std::istringstream header(line);
  while (std::getline(header, name, ',') && name != "charts/global_step") ++column;
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    for (std::size_t i = 0; i <= column; ++i) std::getline(fields, name, ',');
    steps.insert(std::atol(name.c_str()));
  }
  return steps;
}

inline void DisturbedRuns::expect_one_value_per_tag_and_step(const std::string& run) const {
  const std::multiset<std::int64_t> table = steps_in_the_table(run);
  std::set<std::pair<std::int64_t, std::string>> seen;
  std::multiset<std::int64_t> steps;
  for (const auto& [step, tags] : scalars_on_the_board(run)) {
    for (const std::string& tag : tags) {
      EXPECT_TRUE(seen.emplace(step, tag).second) << tag << " twice at step " << step;
      if (tag == "charts/global_step") steps.insert(step);
    }
  }
  EXPECT_EQ(steps, table);
}

inline std::vector<std::pair<std::int64_t, std::vector<std::string>>>
DisturbedRuns::scalars_on_the_board(const std::string& run) const {
  // A record: its length (8 bytes) and checksum (4), the event, its checksum (4). An event: key and
  // time (9), key and step as a varint, and with scalars the key of field 5.
  constexpr std::size_t kHead = 12, kTail = 4, kStepAt = 10;
  std::vector<std::pair<std::int64_t, std::vector<std::string>>> all;
  for (const auto& entry : fs::directory_iterator(path_of(run))) {
    if (!entry.path().filename().string().starts_with("events.out.tfevents.")) continue;
    const std::string bytes = read_text(entry.path());
    std::uint64_t length = 0;
    for (std::size_t at = 0; at < bytes.size(); at += kHead + length + kTail) {
      if (bytes.size() - at < kHead + kTail) return {{-1, {"torn"}}};
      std::memcpy(&length, &bytes[at], sizeof(length));
      if (length < kStepAt || length > bytes.size() - at - kHead - kTail) return {{-1, {"torn"}}};
      std::string_view event(&bytes[at + kHead], length);
      event.remove_prefix(kStepAt);
      const auto step = static_cast<std::int64_t>(protobuf::take_varint(event).value_or(0));
      if (event.empty() || event.front() != (5 << 3 | 2)) continue;
      event.remove_prefix(1);
      protobuf::take_varint(event);  // the length of the summary, which ends the event
      std::vector<std::string> tags;
      while (!event.empty()) {  // a value: its tag, then its number
        event.remove_prefix(1);
        const std::size_t size = protobuf::take_varint(event).value_or(0);
        std::string_view value = event.substr(0, size);
        event.remove_prefix(std::min<std::size_t>(size, event.size()));
        value.remove_prefix(1);
        tags.emplace_back(value.substr(0, protobuf::take_varint(value).value_or(0)));
      }
      all.emplace_back(step, std::move(tags));
    }
  }
  return all;
}

}  // namespace frost
