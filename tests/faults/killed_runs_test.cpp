#include <csignal>
#include <random>
#include <thread>

#include "tests/faults/run_fixture.h"
#include "tests/tools/runs/started_program.h"

// Runs that are killed at random moments, again and again, and gone on with.
namespace frost {
namespace {

using std::chrono::steady_clock;

class KilledRuns : public DisturbedRuns {
 protected:
  const int updates_ = 5;
  /// What is asked for by number (tools/torture.sh --kills): so many, and a third as many SIGTERM.
  const long least_ = torture("FROST_TORTURE_KILLS", 0);
  std::mt19937_64 random_{static_cast<std::uint64_t>(torture("FROST_TORTURE_SEED", 1))};
  long kills_ = 0, signals_ = 0, in_order_ = 0, finished_ = 0;

  /// From the start of the program to its end, measured on the undisturbed run.
  steady_clock::duration make_whole() {
    const auto start = steady_clock::now();
    const Outcome outcome = run("train", arguments("whole", updates_));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return steady_clock::now() - start;
  }

  /// Starts the program, ends it at a random moment of `span`, by SIGTERM in one of four cases;
  /// whether it was still running.
  bool disturb_once(steady_clock::duration span) {
    StartedProgram program(folder_, "train", next_arguments("run", updates_));
    std::this_thread::sleep_for(span * static_cast<double>(random_() % 1000) / 1000.0);
    if (!program.running()) return false;
    if (random_() % 4 != 0) {
      ++kills_;
      return true;  // killed by its destructor
    }
    ++signals_;
    program.send(SIGTERM);
    const int status = program.wait();
    // Before it has begun to train a signal ends it as it ends any program.
    EXPECT_TRUE(status == 128 + SIGTERM || status == -SIGTERM || status == 0) << status;
    in_order_ += status == 128 + SIGTERM;
    return true;
  }

  /// One run that is ended `times` times and then left to finish.
  void disturb(int times, steady_clock::duration span) {
    fs::remove_all(path_of("run"));
    while (times > 0 && disturb_once(span)) --times;
    const Outcome outcome = run("train", next_arguments("run", updates_));
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    expect_as_undisturbed("whole", "run");
    ++finished_;
  }
};

TEST_P(KilledRuns, EndLikeOneThatWasNot) {
  const auto span = make_whole();
  const auto end = steady_clock::now() + std::chrono::seconds(torture("FROST_TORTURE_SECONDS", 0));
  do {
    disturb(5, span);
  } while (!HasFailure() && (kills_ + signals_ < 6 || kills_ < least_ || signals_ < least_ / 3 ||
                             steady_clock::now() < end));
  std::cout << "torture: " << GetParam() << ", kill -9: " << kills_ << ", SIGTERM: " << signals_
            << " (stopped in good order: " << in_order_
            << "), finished with equal bits: " << finished_ << "\n";
}

std::vector<Workload> workloads() {
  if (!long_form()) return {vector_workload()};
  std::vector<Workload> all = {vector_workload(), graph_workload(), picture_workload(),
                               schedule_workload()};
  if (std::getenv("FROST_CUDA_MODULE") != nullptr) {
    Workload recorded = picture_workload();
    recorded.name = "RecordedOnTheDouble";
    recorded.settings.insert(recorded.settings.end(),
                             {"system.device=cuda", "system.cuda_graphs=true"});
    all.push_back(recorded);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Runs, KilledRuns, testing::ValuesIn(workloads()), workload_name);

}  // namespace
}  // namespace frost
